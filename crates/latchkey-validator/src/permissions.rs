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
    // Most grants are no patterns, and whole texts compare faster than their parts.
    grant == permission || covers_by_segment(grant, permission)
}

fn covers_by_segment(grant: &str, permission: &str) -> bool {
    let is_colon = |byte: &u8| *byte == b':';
    let mut given = grant.as_bytes().split(is_colon);
    let mut wanted = permission.as_bytes().split(is_colon);
    let mut last_is_any = false;
    loop {
        match (given.next(), wanted.next()) {
            (Some(given), Some(wanted)) if given == wanted || given == ANY.as_bytes() => {
                last_is_any = given == ANY.as_bytes();
            }
            (None, Some(_)) => return last_is_any,
            (None, None) => return true,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_one_segment_and_at_the_end_for_all_that_follow() {
        for (grant, permission, expected) in [
            ("hello:read", "hello:read", true),
            ("hello:read", "hello:write", false),
            ("hello", "hello:read", false),
            ("hello:read:all", "hello:read", false),
            ("hello:*", "hello:read", true),
            ("hello:*", "hello:read:all", true),
            ("hello:*", "hello", false),
            ("hello:*", "hellos:read", false),
            ("*", "hello", true),
            ("*", "hello:read:all", true),
            ("*:read", "hello:read", true),
            ("*:read", "hello:world:read", false),
            ("*:read", "read", false),
            ("a:*:c", "a:b:c", true),
            ("a:*:c", "a:b:b:c", false),
            ("a:*:*", "a:b:c", true),
            ("a:*:*", "a:b", false),
            ("", "hello", false),
            ("hello:", "hello", false),
            ("hel*", "hello", false),
            ("**", "hello", false),
        ] {
            assert_eq!(covers(grant, permission), expected, "{grant} {permission}");
        }
    }

    #[test]
    fn names_the_rule_that_is_broken() {
        use PermissionError::*;
        let long = "a".repeat(33);
        let many = "a:".repeat(8) + "a";
        let wide = ["a".repeat(32), "a".repeat(32), "a".repeat(32), "a".repeat(32)].join(":");
        for (text, error) in [
            ("", SegmentLength),
            ("a:", SegmentLength),
            (":a", SegmentLength),
            (&long, SegmentLength),
            (&many, TooManySegments),
            (&wide, TooLong),
            ("A", BadByte),
            ("a b", BadByte),
            ("a*", BadByte),
            ("caf\u{e9}", BadByte),
        ] {
            assert_eq!(check_grant(text), Err(error), "{text}");
            assert_eq!(check_permission(text), Err(error), "{text}");
        }
        assert_eq!(check_grant("a:*"), Ok(()));
        assert_eq!(check_permission("a:*"), Err(WildcardInPermission));
        assert_eq!(check_permission("a.b-c_d:0"), Ok(()));
    }

    /// The grammar read the slow way: with all segments at hand.
    fn reference(grant: &str, permission: &str) -> bool {
        let mut grant: Vec<&str> = grant.split(':').collect();
        let mut permission: Vec<&str> = permission.split(':').collect();
        if grant.last() == Some(&"*") && permission.len() > grant.len() {
            permission.truncate(grant.len());
        }
        for (given, wanted) in grant.iter_mut().zip(&permission) {
            if *given == "*" {
                *given = wanted;
            }
        }
        grant == permission
    }

    proptest! {
        #[test]
        fn covers_what_the_grammar_says(
            grant in "(a|b|c|\\*)(:(a|b|c|\\*)){0,7}", permission in "(a|b|c)(:(a|b|c)){0,7}",
        ) {
            prop_assert_eq!(covers(&grant, &permission), reference(&grant, &permission));
        }

        #[test]
        fn a_permission_covers_itself(permission in "[a-z0-9_.-]{1,15}(:[a-z0-9_.-]{1,15}){0,7}") {
            prop_assert_eq!(check_permission(&permission), Ok(()));
            prop_assert!(covers(&permission, &permission));
        }

        #[test]
        fn no_text_makes_matching_panic(grant: String, permission: String) {
            let _ = (check_grant(&grant), check_permission(&permission), covers(&grant, &permission));
        }
    }
}
