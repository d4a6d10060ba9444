//! Permissions and the patterns that grant them (spec/decision.md section 4).
//!
//! ```abnf
//! permission = segment *7( ":" segment )                   ; at most 128 bytes
//! grant      = item *7( ":" item )                         ; the same bound
//! item       = segment / "*"
//! segment    = 1*32( %x61-7A / DIGIT / "_" / "." / "-" )
//! ```

use core::fmt;

/// Longest permission or grant, in bytes.
pub const MAX_PERMISSION_LEN: usize = 128;
/// Most segments in a permission or grant. Bounds the steps of one match.
pub const MAX_SEGMENTS: usize = 8;
/// Longest segment, in bytes.
pub const MAX_SEGMENT_LEN: usize = 32;

const ANY: &str = "*";

/// Why a text is not a permission or not a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermissionError {
    /// Longer than [`MAX_PERMISSION_LEN`].
    TooLong,
    /// More than [`MAX_SEGMENTS`] segments.
    TooManySegments,
    /// A segment is empty or longer than [`MAX_SEGMENT_LEN`].
    SegmentLength,
    /// A byte outside `a-z 0-9 _ . -`.
    BadByte,
    /// `*` in a permission. Only grants may be patterns.
    WildcardInPermission,
}

impl fmt::Display for PermissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a permission has at most 128 bytes",
            Self::TooManySegments => "a permission has at most 8 segments",
            Self::SegmentLength => "each segment between colons has 1 to 32 characters",
            Self::BadByte => "a segment may hold only a-z, 0-9, _, . and -, or be * in a grant",
            Self::WildcardInPermission => "a route requires one permission; * is for grants",
        })
    }
}

impl core::error::Error for PermissionError {}

/// Checks a permission as routes require it, such as `invoices:read`.
///
/// # Errors
/// The first rule of the grammar that is broken.
pub fn check_permission(text: &str) -> Result<(), PermissionError> {
    if text.split(':').any(|segment| segment == ANY) {
        return Err(PermissionError::WildcardInPermission);
    }
    check_grant(text)
}

/// Checks a pattern as roles and keys grant it, such as `invoices:*`.
///
/// # Errors
/// The first rule of the grammar that is broken.
pub fn check_grant(text: &str) -> Result<(), PermissionError> {
    if text.len() > MAX_PERMISSION_LEN {
        return Err(PermissionError::TooLong);
    }
    if text.split(':').count() > MAX_SEGMENTS {
        return Err(PermissionError::TooManySegments);
    }
    text.split(':').filter(|segment| *segment != ANY).try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), PermissionError> {
    if segment.is_empty() || segment.len() > MAX_SEGMENT_LEN {
        return Err(PermissionError::SegmentLength);
    }
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    if segment.bytes().all(allowed) { Ok(()) } else { Err(PermissionError::BadByte) }
}

/// Whether a grant covers a permission.
///
/// `*` stands for exactly one segment, and at the end for everything after it, at least one segment. The grant need not
/// have been checked: a segment that breaks the grammar equals no segment of a permission, so it grants nothing.
pub fn covers(grant: &str, permission: &str) -> bool {
    let mut wanted = permission.split(':');
    let mut given = grant.split(':');
    let mut last_given = "";
    loop {
        match (given.next(), wanted.next()) {
            (Some(given), Some(wanted)) if given == wanted || given == ANY => last_given = given,
            (None, Some(_)) => return last_given == ANY,
            (None, None) => return true,
            _ => return false,
        }
    }
}
