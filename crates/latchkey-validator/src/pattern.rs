//! Route patterns: `/items/{id}/files/*` (spec/decision.md section 3.2).

use core::fmt;

/// Longest pattern, in bytes.
pub const MAX_PATTERN_LEN: usize = 1_024;
/// Most segments in a pattern. Bounds how deep a match can go.
pub const MAX_PATTERN_SEGMENTS: usize = 32;
/// Longest parameter name, in bytes.
pub const MAX_PARAMETER_LEN: usize = 32;

/// Why a text is not a route pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// Longer than [`MAX_PATTERN_LEN`] or with more than [`MAX_PATTERN_SEGMENTS`] segments.
    TooLong,
    /// Does not begin with a slash.
    NoLeadingSlash,
    /// Ends with a slash, or has two in a row.
    EmptySegment,
    /// A `.` or `..` segment.
    DotSegment,
    /// A literal holds a byte that no canonical path holds unescaped.
    BadLiteral,
    /// A parameter is not `{name}`, name `[A-Za-z_][A-Za-z0-9_]*`, or its name is too long.
    BadParameter,
    /// Two parameters have the same name.
    RepeatedParameter,
    /// `*` is not a whole segment, or not the last one.
    MisplacedWildcard,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a path pattern has at most 1024 bytes and 32 segments",
            Self::NoLeadingSlash => "a path pattern begins with /",
            Self::EmptySegment => {
                "a path pattern has no empty segment; leave a slash at the end away, it is matched with and without"
            }
            Self::DotSegment => "a path pattern has no . or .. segment",
            Self::BadLiteral => {
                "a literal segment holds only letters, digits and -._~!$&'()+,=:@; percent escapes are written as the byte they stand for"
            }
            Self::BadParameter => "a parameter is {name} with a name of at most 32 letters, digits and underscores",
            Self::RepeatedParameter => "each parameter of a path pattern has a name of its own",
            Self::MisplacedWildcard => "* stands alone as the last segment",
        })
    }
}

impl core::error::Error for PatternError {}

/// One segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternSegment<'a> {
    Literal(&'a str),
    Parameter(&'a str),
    Wildcard,
}

/// Checks a route pattern.
///
/// # Errors
/// The first rule that is broken.
pub fn check_pattern(text: &str) -> Result<(), PatternError> {
    if text.len() > MAX_PATTERN_LEN || segments(text)?.count() > MAX_PATTERN_SEGMENTS {
        return Err(PatternError::TooLong);
    }
    let mut rest = segments(text)?;
    while let Some(segment) = rest.next() {
        match segment? {
            PatternSegment::Wildcard if rest.next().is_some() => return Err(PatternError::MisplacedWildcard),
            PatternSegment::Parameter(name) => {
                let repeated = rest.clone().any(|other| other == Ok(PatternSegment::Parameter(name)));
                if repeated {
                    return Err(PatternError::RepeatedParameter);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The segments of a pattern; none for `/`.
pub(crate) fn segments(
    text: &str,
) -> Result<impl Iterator<Item = Result<PatternSegment<'_>, PatternError>> + Clone, PatternError> {
    let inner = text.strip_prefix('/').ok_or(PatternError::NoLeadingSlash)?;
    let count = if inner.is_empty() { 0 } else { usize::MAX };
    Ok(inner.split('/').take(count).map(segment))
}

fn segment(text: &str) -> Result<PatternSegment<'_>, PatternError> {
    match text.as_bytes() {
        [] => Err(PatternError::EmptySegment),
        b"." | b".." => Err(PatternError::DotSegment),
        b"*" => Ok(PatternSegment::Wildcard),
        [b'{', ..] => parameter(text).map(PatternSegment::Parameter),
        bytes if bytes.contains(&b'*') => Err(PatternError::MisplacedWildcard),
        bytes if bytes.iter().copied().all(may_stand_in_literal) => Ok(PatternSegment::Literal(text)),
        _ => Err(PatternError::BadLiteral),
    }
}

fn parameter(text: &str) -> Result<&str, PatternError> {
    let name =
        text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or(PatternError::BadParameter)?;
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on_well = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if starts_well && goes_on_well && name.len() <= MAX_PARAMETER_LEN {
        Ok(name)
    } else {
        Err(PatternError::BadParameter)
    }
}

const fn may_stand_in_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_grammar() {
        for text in [
            "/",
            "/*",
            "/a",
            "/a/{id}",
            "/{a}/{b}/*",
            "/v1/keys:import",
            "/a@b/c+d",
            "/{_x9}",
            "/~user/.well-known",
        ] {
            assert_eq!(check_pattern(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn names_the_rule_that_is_broken() {
        use PatternError::*;
        for (text, error) in [
            ("", NoLeadingSlash),
            ("a", NoLeadingSlash),
            ("*", NoLeadingSlash),
            ("//", EmptySegment),
            ("/a/", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a/../b", DotSegment),
            ("/.", DotSegment),
            ("/a%20b", BadLiteral),
            ("/a b", BadLiteral),
            ("/a;b", BadLiteral),
            ("/a?b", BadLiteral),
            ("/caf\u{e9}", BadLiteral),
            ("/a}", BadLiteral),
            ("/a{b}", BadLiteral),
            ("/{}", BadParameter),
            ("/{a", BadParameter),
            ("/{1a}", BadParameter),
            ("/{a-b}", BadParameter),
            ("/{a}b", BadParameter),
            ("/{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", BadParameter),
            ("/{a}/{a}", RepeatedParameter),
            ("/*/a", MisplacedWildcard),
            ("/a*", MisplacedWildcard),
            ("/**", MisplacedWildcard),
        ] {
            assert_eq!(check_pattern(text), Err(error), "{text}");
        }
        let deep = "/a".repeat(MAX_PATTERN_SEGMENTS);
        assert_eq!(check_pattern(&deep), Ok(()));
        assert_eq!(check_pattern(&alloc::format!("{deep}/a")), Err(TooLong));
    }
}
