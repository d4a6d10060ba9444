//! Paths without tokens: people paste them where they do not belong, and a request log is read by many.

use std::borrow::Cow;

/// Instead of a path, or of a part of it, that holds a token.
pub(super) const HIDDEN: &[u8] = b"/(hidden: it holds a token)";
const HIDDEN_PART: &str = "(hidden: a token)";
/// Longest prefix of a keyspace's tokens.
const MOST_PREFIX: usize = 11;

/// Whether the path holds the credential that came with the request, whatever its shape.
pub(super) fn holds(path: &[u8], token: &[u8]) -> bool {
    !token.is_empty() && path.len() > token.len() && path.windows(token.len()).any(|part| part == token)
}

/// The path with every part hidden that looks like the beginning of a Latchkey token, even a mistyped or a cut one.
pub(super) fn without_tokens(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(looks_like_token) {
        return Cow::Borrowed(path);
    }
    let parts = path.split('/').map(|part| if looks_like_token(part) { HIDDEN_PART } else { part });
    Cow::Owned(parts.collect::<Vec<_>>().join("/"))
}

fn looks_like_token(part: &str) -> bool {
    ["_live_", "_test_"].iter().any(|environment| {
        part.match_indices(environment).any(|(at, _)| {
            let before = part.as_bytes()[..at].iter().rev();
            let prefix = before.take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let secret = part.as_bytes()[at + environment.len()..].iter();
            // Enough of the secret to matter: a word such as `load_test_run` is no token.
            (1..=MOST_PREFIX).contains(&prefix)
                && secret.take_while(|byte| byte.is_ascii_alphanumeric()).count() >= 12
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_paths_are_hidden_whole_cut_or_mistyped() {
        let secret = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9";
        for path in [
            format!("/v1/lk_live_{secret}/items"),
            format!("/v1/key=shop_test_{}", &secret[..12]),
            format!("/lk_test_{secret}"),
        ] {
            let shown = without_tokens(&path);
            assert!(shown.contains(HIDDEN_PART) && !shown.contains(&secret[..12]), "{shown}");
        }
        for plain in ["/v1/items/7", "/load_test_run/1", "/", "/v1/lk_live_", "/a_test_b"] {
            assert_eq!(without_tokens(plain), plain);
        }
    }

    #[test]
    fn a_presented_token_is_found_wherever_it_stands() {
        assert!(holds(b"/v1/any-shape-at-all/x", b"any-shape-at-all"));
        assert!(!holds(b"/v1/items", b"any-shape-at-all"));
        assert!(!holds(b"/v1/items", b""));
    }
}
