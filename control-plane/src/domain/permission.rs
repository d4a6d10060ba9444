//! Permission names and the patterns that grant them: segments joined by `:`, such as `invoices:read` or `invoices:*`.

const MAX_BYTES: usize = 128;
const MAX_SEGMENTS: usize = 8;
const MAX_SEGMENT_BYTES: usize = 32;

/// Checks the permission that a route requires: no wildcard.
///
/// # Errors
/// A sentence for the caller who wrote it.
pub fn check_permission(text: &str) -> Result<(), String> {
    check(text, |segment| {
        if segment == "*" { Err("must not hold `*`, which only grants may have".to_owned()) } else { plain(segment) }
    })
}

/// Checks a grant: a segment may be `*`, which stands for any one segment, and at the end for any rest.
///
/// # Errors
/// A sentence for the caller who wrote it.
pub fn check_grant(text: &str) -> Result<(), String> {
    check(text, |segment| if segment == "*" { Ok(()) } else { plain(segment) })
}

fn check(text: &str, segment: impl Fn(&str) -> Result<(), String>) -> Result<(), String> {
    if text.len() > MAX_BYTES {
        return Err(format!("must have at most {MAX_BYTES} bytes"));
    }
    if text.split(':').count() > MAX_SEGMENTS {
        return Err(format!("must have at most {MAX_SEGMENTS} segments"));
    }
    text.split(':').try_for_each(segment)
}

fn plain(segment: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    if (1..=MAX_SEGMENT_BYTES).contains(&segment.len()) && segment.bytes().all(allowed) {
        Ok(())
    } else {
        Err(format!("must be segments of 1 to {MAX_SEGMENT_BYTES} of a-z 0-9 _ . - joined by `:`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_in_grants_only() {
        assert!(check_grant("invoices:*").is_ok() && check_grant("*").is_ok() && check_grant("*:read").is_ok());
        assert!(check_permission("invoices:read").is_ok());
        assert!(check_permission("invoices:*").is_err());
    }

    #[test]
    fn junk_is_refused() {
        let too_long = "a".repeat(33);
        for text in ["", ":", "a:", "A:b", "a b", "a:**", "a:b*", &too_long, "a:b:c:d:e:f:g:h:i"] {
            assert!(check_grant(text).is_err(), "{text}");
        }
    }
}
