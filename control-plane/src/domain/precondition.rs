use super::{DomainError, Key};

/// What a caller expects of the object that it changes, so that nobody's change is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: the change is made to whatever is there.
    #[default]
    Any,
    /// That its last change has one of these numbers.
    ChangeSeqIn(Vec<u64>),
}

impl Precondition {
    /// Holds a key against what was expected.
    ///
    /// # Errors
    /// [`DomainError::PreconditionFailed`]
    pub fn check(&self, key: &Key) -> Result<(), DomainError> {
        match self {
            Self::ChangeSeqIn(seqs) if !seqs.contains(&key.change_seq) => {
                Err(DomainError::PreconditionFailed { change_seq: key.change_seq })
            }
            _ => Ok(()),
        }
    }
}
