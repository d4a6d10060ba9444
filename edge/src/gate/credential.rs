//! Which credential a request presents.

use latchkey_token::credential::{CredentialError, bearer};
use latchkey_validator::Credential;

/// The one credential of a request, and whether the Authorization header held one.
///
/// A header that is not a bearer token is the upstream's own affair. Two different tokens are refused: the gate would check the one and the
/// upstream, or a log, believe the other.
pub(super) fn one_of<'a>(
    authorization: Option<&'a [u8]>,
    others: [Option<&'a [u8]>; 2],
) -> (Credential<'a>, bool) {
    let bearer = match authorization.map(bearer) {
        None | Some(Err(CredentialError::OtherScheme)) => None,
        Some(result) => Some(result),
    };
    let in_authorization = bearer.is_some();
    let mut tokens = others.into_iter().flatten().filter(|token| !token.is_empty());
    let first = tokens.next();
    let credential = match (bearer, first) {
        (None, None) => Credential::Missing,
        (Some(Ok(token)), None) => Credential::Token(token),
        // The validator says what is wrong with it.
        (Some(Err(_)), None) => Credential::Authorization(authorization.unwrap_or_default()),
        (None, Some(token)) => Credential::Token(token),
        (Some(Ok(token)), Some(other)) if token == other => Credential::Token(token),
        (Some(_), Some(_)) => Credential::Conflicting,
    };
    let is_single = tokens.next().is_none_or(|second| first == Some(second));
    (if is_single { credential } else { Credential::Conflicting }, in_authorization)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(credential: &Credential<'_>) -> Option<String> {
        match credential {
            Credential::Token(token) => Some(String::from_utf8_lossy(token).into_owned()),
            _ => None,
        }
    }

    fn of(authorization: Option<&str>, api_key: Option<&str>, own: Option<&str>) -> (Option<String>, bool) {
        let bytes = |text: Option<&'static str>| text.map(str::as_bytes);
        let leak = |text: Option<&str>| bytes(text.map(|text| &*Box::leak(text.to_owned().into_boxed_str())));
        let (credential, in_authorization) = one_of(leak(authorization), [leak(api_key), leak(own)]);
        let conflicts = matches!(credential, Credential::Conflicting);
        (if conflicts { Some("conflict".into()) } else { token(&credential) }, in_authorization)
    }

    #[test]
    fn any_of_the_three_headers_carries_the_credential() {
        assert_eq!(of(Some("Bearer a"), None, None), (Some("a".into()), true));
        assert_eq!(of(None, Some("a"), None), (Some("a".into()), false));
        assert_eq!(of(None, None, Some("a")), (Some("a".into()), false));
        assert_eq!(of(None, None, None), (None, false));
        assert_eq!(of(None, Some(""), Some("a")), (Some("a".into()), false));
    }

    #[test]
    fn the_same_token_twice_is_one_credential_and_two_are_a_conflict() {
        assert_eq!(of(Some("Bearer a"), Some("a"), Some("a")), (Some("a".into()), true));
        assert_eq!(of(Some("Bearer a"), Some("b"), None), (Some("conflict".into()), true));
        assert_eq!(of(None, Some("a"), Some("b")), (Some("conflict".into()), false));
        assert_eq!(of(Some("Bearer a"), Some("a"), Some("b")), (Some("conflict".into()), true));
        assert_eq!(of(Some("Bearer a b"), Some("a"), None), (Some("conflict".into()), true));
    }

    #[test]
    fn another_scheme_belongs_to_the_upstream() {
        assert_eq!(of(Some("Basic dTpw"), Some("a"), None), (Some("a".into()), false));
        assert_eq!(of(Some("Basic dTpw"), None, None), (None, false));
    }
}
