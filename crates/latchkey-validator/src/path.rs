//! Which request paths may be matched at all (spec/decision.md section 3.1).
//!
//! The path that is matched is the path that is forwarded, byte for byte. An upstream that tidies a path up before
//! routing it (collapsing `//`, resolving `..`, decoding `%2e`, dropping `;x`) would serve another route than the one
//! that was checked. So a path that such a step could change is not matched: it is not found.

use crate::text::{Encoding, Text, unescape};

/// Longest request path that is matched, in bytes, without the query. Bounds the work that a caller can ask for.
pub const MAX_PATH_LEN: usize = 2_048;

/// A path that every reader splits into the same segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CanonicalPath<'a> {
    /// What stands between the first slash and an optional last one.
    inner: &'a [u8],
    has_escapes: bool,
    /// What follows the first `?`.
    query: &'a [u8],
}

impl<'a> CanonicalPath<'a> {
    /// Takes a request target's path; everything from the first `?` on is cut off. `None` if it is not canonical.
    pub(crate) fn new(target: &'a [u8]) -> Option<Self> {
        if *target.first()? != b'/' {
            return None;
        }
        let (length, has_escapes) = scan(target)?;
        let inner = &target[1..length];
        let query = target.get(length + 1..).unwrap_or_default();
        Some(Self { inner: inner.strip_suffix(b"/").unwrap_or(inner), has_escapes, query })
    }

    /// What follows the path, as it came; empty if nothing does.
    pub(crate) fn query(self) -> &'a [u8] {
        self.query
    }

    /// The segments; none for `/`. A slash at the end does not count: most upstreams ignore it, so the
    /// route of `/admin` must guard `/admin/` too.
    pub(crate) fn segments(self) -> Segments<'a> {
        Segments { rest: (!self.inner.is_empty()).then_some(self.inner), has_escapes: self.has_escapes }
    }
}

/// One pass over a path that begins with a slash: how long it is, and whether it has escapes.
fn scan(target: &[u8]) -> Option<(usize, bool)> {
    let mut has_escapes = false;
    let mut segment_at = 1;
    let mut at = 1;
    // One byte more than the bound is looked at, so that a path of exactly the bound is told from a longer one.
    let looked_at = &target[..target.len().min(MAX_PATH_LEN + 1)];
    while let Some(byte) = looked_at.get(at) {
        match CLASSES[usize::from(*byte)] {
            Class::Plain => {}
            Class::Slash => {
                check_segment(&target[segment_at..at])?;
                segment_at = at + 1;
            }
            Class::Escape => {
                has_escapes = true;
                let escaped = unescape(target.get(at + 1..at + 3)?)?;
                may_be_escaped(escaped).then_some(())?;
                at += 2;
            }
            Class::Query => break,
            Class::Refused => return None,
        }
        at += 1;
    }
    // What follows the last slash may be empty.
    if segment_at < at {
        check_segment(&target[segment_at..at])?;
    }
    (at <= MAX_PATH_LEN).then_some((at, has_escapes))
}

fn check_segment(segment: &[u8]) -> Option<()> {
    (!matches!(segment, b"" | b"." | b"..")).then_some(())
}

#[derive(Clone, Copy)]
enum Class {
    /// Stands for itself: RFC 3986 `pchar` without `;` (matrix parameters).
    Plain,
    Slash,
    Escape,
    Query,
    Refused,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Refused; 256];
    let plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@";
    let mut at = 0;
    while at < plain.len() {
        classes[plain[at] as usize] = Class::Plain;
        at += 1;
    }
    classes[b'/' as usize] = Class::Slash;
    classes[b'%' as usize] = Class::Escape;
    classes[b'?' as usize] = Class::Query;
    classes
};

/// A letter, a digit, `-`, `.`, `_` or `~` never needs an escape, so an escaped one hides something. Escaped slashes, backslashes,
/// semicolons, percent signs and control bytes change the path for readers who decode it.
const fn may_be_escaped(byte: u8) -> bool {
    !matches!(
        byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'\\' | b';' | b'%' | ..=0x1f | 0x7f
    )
}

/// Walks a path's segments.
#[derive(Clone, Copy)]
pub(crate) struct Segments<'a> {
    rest: Option<&'a [u8]>,
    has_escapes: bool,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        let rest = self.rest?;
        let (text, rest) = match rest.iter().position(|byte| *byte == b'/') {
            Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
            None => (rest, None),
        };
        self.rest = rest;
        Some(Segment { text, has_escapes: self.has_escapes })
    }
}

/// One segment, never empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    text: &'a [u8],
    has_escapes: bool,
}

impl<'a> Segment<'a> {
    /// What a parameter of a route has here.
    pub(crate) fn value(&self) -> Text<'a> {
        Text::new(self.text, Encoding::Percent)
    }

    /// Whether this is a literal of a route. `@` and `%40` are the same to an upstream that decodes, so they are here.
    pub(crate) fn equals(&self, literal: &[u8]) -> bool {
        if self.has_escapes { self.value().is_one_of([literal].into_iter()) } else { self.text == literal }
    }

    /// By what literals are looked up: [`hash`] of the bytes that the segment stands for.
    pub(crate) fn hash(&self) -> u32 {
        if self.has_escapes {
            // A canonical path has no escape that cannot be decoded.
            hash(self.value().decoded().map_while(Result::ok))
        } else {
            hash(self.text.iter().copied())
        }
    }
}

/// FNV-1a. It need not withstand anybody: whoever writes the policy picks the literals, and a request is compared with those alone.
pub(crate) fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn segments(path: &str) -> Option<Vec<&[u8]>> {
        CanonicalPath::new(path.as_bytes()).map(|path| path.segments().map(|segment| segment.text).collect())
    }

    #[test]
    fn canonical_paths_split_at_slashes() {
        assert_eq!(segments("/"), Some(Vec::new()));
        assert_eq!(segments("/a"), Some(Vec::from([&b"a"[..]])));
        assert_eq!(segments("/a/"), segments("/a"));
        assert_eq!(segments("/a/b.c/~d"), Some(Vec::from([&b"a"[..], b"b.c", b"~d"])));
        assert_eq!(segments("/a?x=//../%2f"), segments("/a"));
        assert_eq!(
            segments("/caf%C3%A9/a%20b/a%40b"),
            Some(Vec::from([&b"caf%C3%A9"[..], b"a%20b", b"a%40b"]))
        );
    }

    #[test]
    fn refuses_paths_that_somebody_could_read_as_another() {
        for path in [
            "",
            "a",
            "?",
            "*",
            "//",
            "///",
            "//a",
            "/a//",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/.",
            "/./a",
            "/a/..?x",
            "/a%2fb",
            "/a%2Fb",
            "/%2e",
            "/%2E%2e/a",
            "/a%5cb",
            "/a%5Cb",
            "/a\\b",
            "/a;b",
            "/a%3bb",
            "/%61dmin",
            "/a%7E",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/a%25b",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/a\u{7f}",
            "/a b",
            "/a\tb",
            "/a\0",
            "/caf\u{e9}",
            "/a#b",
            "/a|b",
            "/a[b]",
            "/a\"b",
            "/a<b>",
            "/a^b",
            "/a`b",
            "/a{b}",
            "http://a/b",
        ] {
            assert_eq!(segments(path), None, "{path:?}");
        }
    }

    #[test]
    fn refuses_a_path_past_the_bound_but_not_a_long_query() {
        let longest = alloc::format!("/{}", "a".repeat(MAX_PATH_LEN - 1));
        assert!(segments(&longest).is_some());
        assert!(segments(&alloc::format!("{longest}?{}", "q".repeat(9_000))).is_some());
        assert!(segments(&alloc::format!("{longest}a")).is_none());
        assert!(segments(&alloc::format!("{longest}a?")).is_none());
    }

    #[test]
    fn an_escape_equals_the_byte_that_it_stands_for() {
        let mut path = CanonicalPath::new(b"/a%40b").expect("canonical").segments();
        assert!(path.next().expect("one segment").equals(b"a@b"));
    }
}
