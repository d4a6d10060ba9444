//! A parameter's value in a query (spec/decision.md section 10).
//!
//! Upstreams differ in how they read a query: which of two values counts, whether `;` separates, whether `Network`, `network[]` or
//! `net.work` is `network` too. Whatever one of them could take for another value than the one that was checked makes the query
//! unreadable here.

use crate::text::{Encoding, Text};

/// Longest query that is read, in bytes. Bounds the work that a caller can ask for.
pub const MAX_QUERY_LEN: usize = 4_096;

/// The query has no single value for the parameter that every reader would agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// The value of a parameter; `None` if the query does not have it. One pass over the query.
pub(crate) fn value<'a>(query: &'a [u8], name: &[u8]) -> Result<Option<Text<'a>>, Ambiguous> {
    if query.len() > MAX_QUERY_LEN {
        return Err(Ambiguous);
    }
    let mut found = None;
    let mut rest = query;
    while !rest.is_empty() {
        let (pair, after) = Pair::split_off(rest)?;
        match likeness(pair.name, name) {
            Likeness::Other => {}
            Likeness::Same if found.is_none() => found = Some(Text::new(pair.value, Encoding::Form)),
            Likeness::Same | Likeness::Similar => return Err(Ambiguous),
        }
        rest = after;
    }
    Ok(found)
}

struct Pair<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Pair<'a> {
    /// The first pair, and what comes behind its `&`.
    fn split_off(query: &'a [u8]) -> Result<(Self, &'a [u8]), Ambiguous> {
        let mut equals = None;
        let mut end = query.len();
        for (at, byte) in query.iter().enumerate() {
            match byte {
                b'&' => {
                    end = at;
                    break;
                }
                b'=' if equals.is_none() => equals = Some(at),
                // To some upstreams `;` separates; `#` never arrives at one, and so hides what follows it.
                b';' | b'#' => return Err(Ambiguous),
                _ => {}
            }
        }
        let (pair, after) = query.split_at(end);
        let (name, value) = pair.split_at(equals.unwrap_or(end));
        Ok((Self { name, value: value.get(1..).unwrap_or_default() }, after.get(1..).unwrap_or_default()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Same,
    /// Some upstream might take it for the wanted name.
    Similar,
    Other,
}

fn likeness(written: &[u8], wanted: &[u8]) -> Likeness {
    if written == wanted && !wanted.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Likeness::Same;
    }
    // Most names differ in their first letter.
    if let ([first @ b'a'..=b'z', ..], [begin, ..]) = (written, wanted)
        && *first != folded(*begin)
    {
        return Likeness::Other;
    }
    let mut rest = wanted;
    let mut is_same = true;
    let mut has_begun = false;
    for byte in Text::new(written, Encoding::Form).decoded() {
        // So far it could be the name, and what comes is for each upstream to guess.
        let Ok(byte) = byte else { return Likeness::Similar };
        let is_space = byte.is_ascii_whitespace();
        match rest.split_first() {
            Some((first, after)) if *first == byte => rest = after,
            Some((first, after)) if folded(*first) == folded(byte) => {
                is_same = false;
                rest = after;
            }
            _ if byte == b'%' => return Likeness::Similar,
            // White space around a name is dropped by some.
            Some(_) if is_space && !has_begun => is_same = false,
            None if is_space => is_same = false,
            // `name[]`, `name[0]` and what follows a null byte.
            None if matches!(byte, b'[' | 0) => return Likeness::Similar,
            _ => return Likeness::Other,
        }
        has_begun |= !is_space;
    }
    match (rest.is_empty(), is_same) {
        (true, true) => Likeness::Same,
        (true, false) => Likeness::Similar,
        (false, _) => Likeness::Other,
    }
}

/// Names are case-insensitive to some upstreams, and some can hold neither dots nor brackets nor spaces.
const fn folded(byte: u8) -> u8 {
    match byte {
        b'.' | b'[' | b' ' | b'-' => b'_',
        _ => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::String;
    use alloc::vec::Vec;
    use alloc::{format, vec};

    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> Result<Option<String>, Ambiguous> {
        let text = value(query.as_bytes(), b"network")?;
        Ok(text.map(|text| {
            let bytes: Result<Vec<u8>, _> = text.decoded().collect();
            String::from_utf8_lossy(&bytes.unwrap_or_else(|_| b"undecodable".to_vec())).into_owned()
        }))
    }

    #[test]
    fn finds_the_one_value_and_decodes_it() {
        for (query, expected) in [
            ("network=Mainnet", Some("Mainnet")),
            ("a=b&network=Main+net%21&c", Some("Main net!")),
            ("%6eetwork=x", Some("x")),
            ("network", Some("")),
            ("network=", Some("")),
            ("network=a=b", Some("a=b")),
            ("network=%zz", Some("undecodable")),
            ("", None),
            ("&&=&a=network=b", None),
            ("networks=a&net=b&n=c&my_network=d", None),
            ("a%zz=1", None),
        ] {
            assert_eq!(read(query), Ok(expected.map(ToOwned::to_owned)), "{query}");
        }
    }

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        for query in [
            "network=a&network=b",
            "network=a&network=a",
            "network=a&%6Eetwork=b",
            "network=a&Network=b",
            "NETWORK=b",
            "network=a&network[]=b",
            "network%5B%5D=b",
            "network[0]=b",
            "network%00=b",
            "+network=b",
            "network%20=b",
            "a=1;network=b",
            "network=a;b",
            "a=1#&network=b",
            "n%zetwork=b",
            "%256eetwork=b",
            "network=a&netw%6=b",
        ] {
            assert_eq!(read(query), Err(Ambiguous), "{query}");
        }
        assert_eq!(value(b"net.work=a&net_work=b", b"net_work").err(), Some(Ambiguous));
        assert_eq!(value(b"net-work=a&net_work=b", b"net-work").err(), Some(Ambiguous));
        let long = format!("network=a&x={}", "x".repeat(MAX_QUERY_LEN));
        assert_eq!(read(&long), Err(Ambiguous));
        assert_eq!(read(&long[..MAX_QUERY_LEN]), Ok(Some("a".into())));
    }

    /// `application/x-www-form-urlencoded`, the long way.
    fn encode(text: &str, escape_all: bool) -> String {
        let byte = |byte: u8| match byte {
            b' ' if !escape_all => String::from("+"),
            byte if !escape_all && byte.is_ascii_alphanumeric() => String::from(char::from(byte)),
            byte => format!("%{byte:02x}"),
        };
        text.bytes().map(byte).collect()
    }

    proptest! {
        #[test]
        fn reads_back_what_a_client_encodes(
            pairs in proptest::collection::vec(("[a-d]{1,3}", ".{0,12}", any::<bool>()), 0..8),
            wanted in "[a-d]{1,3}",
        ) {
            let query: Vec<String> = pairs
                .iter()
                .map(|(name, value, all)| format!("{}={}", encode(name, *all), encode(value, *all)))
                .collect();
            let query = query.join("&");
            let values: Vec<&String> =
                pairs.iter().filter(|(name, ..)| *name == wanted).map(|(_, value, _)| value).collect();
            let found = value(query.as_bytes(), wanted.as_bytes());
            match values[..] {
                [] => prop_assert!(matches!(found, Ok(None))),
                [only] => prop_assert!(found.ok().flatten().is_some_and(|text| text.is_one_of([only.as_bytes()].into_iter()))),
                _ => prop_assert!(found.is_err()),
            }
        }

        /// Whatever splits the query at `&` and `=` and decodes sees no other value of the parameter than the one that is found.
        #[test]
        fn no_other_value_of_the_name_hides_in_the_query(query in "([a-cA-C%6123&=+;\\[\\]]){0,40}") {
            let mut decoded = vec![];
            for pair in query.split('&') {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let name: Result<Vec<u8>, _> = Text::new(name.as_bytes(), Encoding::Form).decoded().collect();
                if name.as_deref() == Ok(b"a") {
                    decoded.push(value);
                }
            }
            match value(query.as_bytes(), b"a") {
                Ok(None) => prop_assert!(decoded.is_empty()),
                Ok(Some(text)) => {
                    prop_assert_eq!(decoded.len(), 1);
                    let split: Vec<_> = Text::new(decoded[0].as_bytes(), Encoding::Form).decoded().collect();
                    prop_assert_eq!(text.decoded().collect::<Vec<_>>(), split);
                }
                Err(Ambiguous) => {}
            }
        }

        #[test]
        fn no_query_makes_reading_panic(query: Vec<u8>, name: Vec<u8>) {
            let _ = value(&query, &name);
        }
    }
}
