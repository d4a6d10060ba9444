use super::{GateUrl, Timestamp};

/// A new base that is not published, because it has far fewer or far more rows than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBase {
    /// What is wrong with it.
    pub reason: HoldReason,
    /// Rows of the base that gates have.
    pub rows_before: u64,
    /// Rows of the new one.
    pub rows_after: u64,
    /// The last change in the new one; consent is given to this and to nothing later.
    pub change_seq: u64,
}

/// Why a base is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// Rows are missing that nobody took away.
    Shrink,
    /// It has more than twice the rows.
    Growth,
}

impl HoldReason {
    /// As people see it, and as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shrink => "shrink",
            Self::Growth => "growth",
        }
    }
}

/// A gate does not take what was published, and says that it is bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateRefusal {
    /// Which.
    pub gate: GateUrl,
    /// The gate's code for what is wrong.
    pub code: String,
    /// One sentence of the gate's.
    pub message: String,
    /// The newest head that it may have been.
    pub seq: u64,
    /// When it was heard of.
    pub at: Timestamp,
}

/// Nothing but revocations is published until an operator resumes, because no gate takes what was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The refusal that brought it about.
    pub refusal: GateRefusal,
    /// The last change of which gates have everything.
    pub change_seq: u64,
    /// Our own check found fault with it too.
    pub is_confirmed: bool,
}
