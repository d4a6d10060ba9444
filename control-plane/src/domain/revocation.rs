use super::Timestamp;

/// That a key was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
    /// More about why, in the words of whoever did it.
    pub note: Option<String>,
}

/// Why a key was revoked. The names are stored and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RevocationReason {
    /// Nobody said.
    #[default]
    Unspecified,
    /// Whoever administers it wanted so.
    Admin,
    /// A token of it was found where it does not belong. Such a key is never restored.
    Leaked,
    /// Its holder wanted so.
    Holder,
}

impl RevocationReason {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Admin => "admin",
            Self::Leaked => "leaked",
            Self::Holder => "holder",
        }
    }

    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        [Self::Unspecified, Self::Admin, Self::Leaked, Self::Holder]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| "must be unspecified, admin, leaked or holder".to_owned())
    }
}
