use latchkey_token::{Digest, Environment, SecretToken, generate};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

use crate::domain::{ChosenToken, FieldErrors, Keyspace};

/// Where a key's new token comes from.
pub(super) struct TokenSource<'a> {
    pub(super) keyspace: &'a Keyspace,
    pub(super) environment: Environment,
}

/// A token that no key has yet.
pub(super) enum NewToken {
    /// Made here: the caller has to be told.
    Generated(SecretToken),
    /// The caller knows it.
    Chosen { digest: Digest, start: String },
}

impl TokenSource<'_> {
    /// The caller's token if it is good, or else one from the system's randomness. `None`: what is wrong was noted.
    pub(super) fn token(&self, chosen: Option<ChosenToken>, errors: &mut FieldErrors) -> Option<NewToken> {
        let Some(chosen) = chosen else {
            // Straight from the system, which gives randomness or nothing works at all.
            let token = generate(&self.keyspace.prefix, self.environment, &mut UnwrapErr(SysRng));
            return Some(NewToken::Generated(token));
        };
        let start = chosen.check(self.keyspace.rules.token_shapes(), self.environment);
        let start = errors.check("/token", start)?;
        Some(NewToken::Chosen { digest: chosen.digest(), start })
    }
}

impl NewToken {
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Generated(token) => token.digest(),
            Self::Chosen { digest, .. } => *digest,
        }
    }

    /// What people recognise it by.
    pub(super) fn start(&self) -> &str {
        match self {
            Self::Generated(token) => token.start(),
            Self::Chosen { start, .. } => start,
        }
    }

    /// The token, for the one answer that hands it out; nothing if the caller chose it.
    pub(super) fn shown(&self) -> Option<&str> {
        match self {
            Self::Generated(token) => Some(token.expose()),
            Self::Chosen { .. } => None,
        }
    }
}
