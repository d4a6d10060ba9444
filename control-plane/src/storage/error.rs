use crate::domain::{DomainError, FieldErrors};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The rules of the domain forbid it.
    #[error(transparent)]
    Refused(#[from] DomainError),
    /// Another publisher released a head in between.
    #[error("another head was published meanwhile; is a second control plane running on this database?")]
    PublicationConflict,
    /// The backend failed. Text for the log, not for callers.
    #[error("{message}")]
    Backend {
        /// What failed, and what to do about it where that is known.
        message: String,
        /// The backend's own words.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl StoreError {
    /// A failure that has no error of the backend behind it.
    pub fn backend(message: impl Into<String>) -> Self {
        Self::Backend { message: message.into(), source: None }
    }
}

impl From<FieldErrors> for StoreError {
    fn from(errors: FieldErrors) -> Self {
        Self::Refused(DomainError::Invalid(errors))
    }
}
