use latchkey_snapshot::{Head, LAST_BINDING_EPOCH, Refusal, UnverifiedHead};
use serde_json::{Value, json};

use super::{DomainError, Timestamp};

/// The epoch of a keyspace that was never restored from a backup.
pub const FIRST_EPOCH: u32 = 1;

/// A head that a gate holds, signed by a key of the keyspace, and that this database never signed: the database is an old copy, or
/// somebody else has the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignHead {
    /// The gate or sink where it was found.
    pub place: String,
    /// The head, whose signature was verified.
    pub bytes: Vec<u8>,
    /// What it says.
    pub head: Head,
    /// Ids of the keys that it names as its signers, in hex.
    pub signers: Vec<String>,
    /// The last change that this database had published when it was found.
    pub known_change_seq: u64,
    /// When it was found.
    pub found_at: Timestamp,
}

/// Changes of which a gate knows and this database does not: those after `after`, up to and with `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostChanges {
    /// The last that is not lost.
    pub after: u64,
    /// The last that is.
    pub through: u64,
}

/// Whether an operator has seen to it that lost revocations do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossAccepted {
    /// The operator said so, or named the keys to revoke.
    Yes,
    /// Nothing was said.
    No,
}

/// Whether somebody who signed what a gate holds may still sign for the keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignersOf {
    /// At least one of the keys is in use.
    Ours,
    /// Every one of them was given up.
    Thief,
}

/// An epoch that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaisedEpoch {
    /// Its number.
    pub epoch: u32,
    /// What is lost, as far as is known.
    pub lost: Option<LostChanges>,
}

impl ForeignHead {
    /// From bytes that were verified before.
    ///
    /// # Errors
    /// They are no head.
    pub fn read(
        place: String,
        bytes: Vec<u8>,
        known_change_seq: u64,
        found_at: Timestamp,
    ) -> Result<Self, Refusal> {
        let parsed = UnverifiedHead::parse(&bytes)?;
        let head = parsed.unverified_fields().clone();
        let signers = parsed.unverified_signers().map(hex::encode).collect();
        Ok(Self { place, bytes, head, signers, known_change_seq, found_at })
    }

    /// What the keyspace lost, if it lost anything that a gate had.
    pub fn lost(&self) -> Option<LostChanges> {
        let (after, through) = (self.known_change_seq, self.head.change_seq);
        (through > after).then_some(LostChanges { after, through })
    }

    /// What the audit log shows.
    pub fn audit_view(&self) -> Value {
        json!({
            "place": self.place,
            "epoch": self.head.epoch,
            "seq": self.head.seq,
            "change_seq": self.head.change_seq,
            "signers": self.signers,
            "known_change_seq": self.known_change_seq,
            "found_at": self.found_at,
        })
    }
}

/// The epoch that outranks `current` and the head that a gate holds. One beyond [`LAST_BINDING_EPOCH`] need not be outranked once none of its
/// signers is trusted.
///
/// # Errors
/// Something may be lost and nobody accepted that, or the thief's key has to be replaced first.
pub fn raise(
    current: u32,
    foreign: Option<&ForeignHead>,
    signers: SignersOf,
    accepted: LossAccepted,
) -> Result<RaisedEpoch, DomainError> {
    let lost = foreign.and_then(ForeignHead::lost);
    // Without a head from a gate nobody knows what the gates have seen.
    let may_be_lost = foreign.is_none() || lost.is_some();
    if may_be_lost && accepted == LossAccepted::No {
        return Err(DomainError::LostRevocations { lost });
    }
    let highest = match foreign.map(|foreign| foreign.head.epoch) {
        Some(epoch) if epoch > LAST_BINDING_EPOCH && signers == SignersOf::Ours => {
            return Err(DomainError::EpochsUsedUp);
        }
        Some(epoch) if epoch <= LAST_BINDING_EPOCH => epoch.max(current),
        _ => current,
    };
    let epoch = highest.checked_add(1).ok_or(DomainError::EpochsUsedUp)?;
    Ok(RaisedEpoch { epoch, lost })
}
