use latchkey_snapshot::{ObjectRef, ProfileView, RowView};
use latchkey_token::{Environment, Tag};

use crate::{Age, Code, Demands};

/// The answer to a request, or what is missing for one.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'s> {
    /// The answer.
    Decided(Decision<'s>),
    /// The request passes if what is left to do succeeds. Whoever cannot do it denies.
    Conditional(Conditional<'s>),
    /// The key's row is in a body that is not loaded: fetch it, supply it to the snapshot, decide again.
    NeedsObject(ObjectRef),
}

/// Whether a request passes, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'s> {
    /// The outcome.
    pub code: Code,
    /// The key, once it was found; also for a request that is denied later on. A revoked key is not found any more.
    pub key: Option<KeyView<'s>>,
    /// What the snapshot was asked for, once there was something to ask; also where nothing was found.
    pub tag: Option<Tag>,
    /// Position of the matched route in the policy.
    pub route: Option<u16>,
    /// The snapshot's age; `None` where there is no snapshot.
    pub age: Option<Age>,
}

/// A request that passes if its demands are met. It has no code, so that nobody takes it for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Conditional<'s> {
    /// The key.
    pub key: KeyView<'s>,
    /// Position of the matched route in the policy; `None` where the policy lets any valid key pass.
    pub route: Option<u16>,
    /// The snapshot's age.
    pub age: Age,
    /// What is left to do; not empty.
    pub demands: Demands<'s>,
}

impl<'s> Conditional<'s> {
    /// The decision after the demands were seen to: that the request passes, or the code of the first demand that was not met.
    pub fn settle(&self, outcome: Result<(), Code>) -> Decision<'s> {
        let code = outcome.err().unwrap_or(Code::Valid);
        let tag = Some(Tag(*self.key.tag()));
        Decision { code, key: Some(self.key), tag, route: self.route, age: Some(self.age) }
    }
}

/// A key as the snapshot has it.
#[derive(Clone, Copy, Debug)]
pub struct KeyView<'s> {
    pub(crate) row: RowView<'s>,
}

impl<'s> KeyView<'s> {
    /// The tag under which the key was found.
    pub fn tag(&self) -> &'s [u8; 16] {
        self.row.tag()
    }

    /// The number in the key's id: `key_…`.
    pub fn number(&self) -> u64 {
        self.row.key_number()
    }

    /// The environment that the key is for.
    pub fn environment(&self) -> Environment {
        if self.row.is_live() { Environment::Live } else { Environment::Test }
    }

    /// Seconds since the epoch from which on the key is expired; `None` = never.
    pub fn expires_at(&self) -> Option<u64> {
        self.row.expires_at()
    }

    /// Whether it is switched off.
    pub fn is_disabled(&self) -> bool {
        self.row.is_disabled()
    }

    /// What it may do, and what narrows it.
    pub fn profile(&self) -> ProfileView<'s> {
        self.row.profile()
    }

    /// Whom the key belongs to.
    pub fn owner(&self) -> Option<&'s str> {
        self.row.profile().owner()
    }

    /// A JSON object for the upstream, as text.
    pub fn metadata(&self) -> Option<&'s str> {
        self.row.profile().metadata()
    }
}
