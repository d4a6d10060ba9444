//! The hot path's half in Rust: one call with numbers in and a number out. `edge/js` has the other half.
//!
//! The entry writes what it knows of a request into [`INPUT`] and calls [`decide`]; text for the upstream comes back in [`OUTPUT`].
//! No object, no string and no exception crosses the border: each would cost more than the decision.

use std::cell::RefCell;
use std::fmt::Write;

use js_sys::Promise;
use latchkey_snapshot::id::Id;
use latchkey_token::credential::{CredentialError, bearer};
use latchkey_validator::{Code, Credential, Decision, KeyView, RequestFacts, Verdict};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::Env;

use crate::freshness::Step;
use crate::isolate;
use crate::problem::Problem;
use crate::{clock, refresh};

/// Three header values, a method and a path, each cut by the entry at its own bound.
const INPUT_BYTES: usize = 8_192;
/// A key id, an environment, an escaped owner (3 x 255) and escaped metadata (6 x 1,024).
const OUTPUT_BYTES: usize = 8_192;

/// Bits of what [`decide`] returns: the code's number in the lowest 8, flags in the next 8, the output's length in the upper 16.
mod flag {
    /// Decide, and refresh when the answer is out.
    pub(super) const REFRESH: u32 = 1 << 8;
    /// Refresh, then ask again.
    pub(super) const REFRESH_FIRST: u32 = 1 << 9;
    /// Fetch a part of the base, then ask again.
    pub(super) const NEEDS_OBJECT: u32 = 1 << 10;
    /// The Authorization header held the credential, so the upstream must not see it.
    pub(super) const STRIP_AUTHORIZATION: u32 = 1 << 11;
}

thread_local! {
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; INPUT_BYTES].into_boxed_slice());
    static OUTPUT: RefCell<Output> = RefCell::new(Output { bytes: vec![0; OUTPUT_BYTES].into_boxed_slice(), length: 0 });
}

/// Wasm's memory, in which the entry finds the two buffers.
#[wasm_bindgen]
pub fn wasm_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Where the entry writes a request's facts.
#[wasm_bindgen]
pub fn input_at() -> usize {
    INPUT.with_borrow(|input| input.as_ptr() as usize)
}

/// Bytes that fit there.
#[wasm_bindgen]
pub fn input_bytes() -> usize {
    INPUT_BYTES
}

/// Where the entry reads the text of an allowed request.
#[wasm_bindgen]
pub fn output_at() -> usize {
    OUTPUT.with_borrow(|output| output.bytes.as_ptr() as usize)
}

/// Reads the settings. The answer is empty, or the problem (a template) that every request gets until they are right.
#[wasm_bindgen]
pub fn configure(env: Env) -> Option<String> {
    let error = isolate::config(&env).err()?;
    worker::console_error!("The gate's configuration does not work: {}", error);
    Some(Problem::misconfigured(&error.to_string()).template())
}

/// The upstream's origin, without which requests go to the service binding.
#[wasm_bindgen]
pub fn upstream_origin() -> Option<String> {
    isolate::with(|isolate| isolate.config().and_then(|config| config.upstream.clone()))
}

/// The header besides Authorization and X-API-Key that may carry a credential.
#[wasm_bindgen]
pub fn credential_header() -> Option<String> {
    isolate::with(|isolate| isolate.config().and_then(|config| config.credential_header.clone()))
}

/// The answer to requests with this outcome, as a template.
#[wasm_bindgen]
pub fn denial(code: u8) -> String {
    // An unknown number cannot come from `decide`; if it does, nothing is known and nothing passes.
    Problem::denial(Code::from_number(code).unwrap_or(Code::SnapshotUnavailable)).template()
}

/// The answer when a decision could not be made at all.
#[wasm_bindgen]
pub fn unavailable() -> String {
    Problem::denial(Code::SnapshotUnavailable).template()
}

/// The answer when the upstream cannot be reached.
#[wasm_bindgen]
pub fn upstream_unreachable() -> String {
    Problem::upstream_unreachable().template()
}

/// Decides the request whose facts stand in the input, one behind the other: Authorization, X-API-Key, the configured header, method, path.
/// The arguments are their lengths; a header that the request lacks has -1. See [`flag`] for the result.
#[wasm_bindgen]
pub fn decide(now_ms: f64, authorization: i32, api_key: i32, own: i32, method: i32, path: i32) -> u32 {
    INPUT.with_borrow(|input| {
        let mut input = Input(input);
        let authorization = input.header(authorization);
        let others = [input.header(api_key), input.header(own)];
        let (credential, strip) = credential(authorization, others);
        let method = input.header(method).and_then(|method| std::str::from_utf8(method).ok());
        let path = input.header(path).unwrap_or_default();
        #[cfg(feature = "fault-injection")]
        crate::fault::in_decide(path);
        let facts = RequestFacts::new(credential, method.unwrap_or_default(), path);
        answer(&facts, now_ms) | strip
    })
}

/// Refreshes the isolate's snapshot. Resolves when this isolate has done what it can; never rejects.
#[wasm_bindgen]
pub fn refresh(env: Env, colo: String) -> Promise {
    future_to_promise(async move {
        refresh::run(&env, &colo).await;
        Ok(JsValue::UNDEFINED)
    })
}

/// Fetches the body that the last call of [`decide`] asked for. Call it before anything else runs.
#[wasm_bindgen]
pub fn load_needed(env: Env) -> Promise {
    let needed = isolate::with(isolate::Isolate::take_needed);
    future_to_promise(async move {
        if let Some(object) = needed {
            refresh::load_object(&env, object).await;
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Runs the whole path once: the first call into a fresh instance costs a millisecond, which start-up can better afford.
#[wasm_bindgen]
pub fn warm_up() {
    let token = b"Bearer lk_test_000000000000000000000000000000000VhE5o";
    let facts = RequestFacts::new(Credential::Authorization(token), "GET", b"/");
    let _ = answer(&facts, 0.0);
    let _ = latchkey_token::digest(token);
}

/// What the entry wrote, taken apart from front to back.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// The next field. A length that does not fit cannot come from the entry; an empty field then denies.
    fn header(&mut self, length: i32) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let (field, rest) = self.0.split_at_checked(length).unwrap_or_default();
        self.0 = rest;
        Some(field)
    }
}

/// The one credential of a request, and whether the Authorization header held one.
///
/// A header that is not a bearer token is the upstream's own affair. Two different tokens are refused: the gate would check the one and the
/// upstream, or a log, believe the other.
fn credential<'a>(authorization: Option<&'a [u8]>, others: [Option<&'a [u8]>; 2]) -> (Credential<'a>, u32) {
    let bearer = match authorization.map(bearer) {
        None | Some(Err(CredentialError::OtherScheme)) => None,
        Some(result) => Some(result),
    };
    let strip = if bearer.is_some() { flag::STRIP_AUTHORIZATION } else { 0 };
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
    (if is_single { credential } else { Credential::Conflicting }, strip)
}

fn answer(facts: &RequestFacts<'_>, now_ms: f64) -> u32 {
    isolate::with(|isolate| {
        let refresh = match isolate.step(now_ms) {
            Step::RefreshFirst => return flag::REFRESH_FIRST,
            Step::DecideAndRefresh => flag::REFRESH,
            Step::Decide => 0,
        };
        let Some(view) = isolate.view() else { return pack(Code::SnapshotUnavailable, 0) };
        match latchkey_validator::decide(facts, &view, clock::seconds(now_ms)) {
            Verdict::Decided(decision) => {
                let packed = pack_decision(&decision);
                let code = decision.code;
                if code == Code::NotFound && isolate.freshness.takes_miss(now_ms) {
                    return flag::REFRESH_FIRST;
                }
                packed | refresh
            }
            Verdict::NeedsObject(object) => {
                isolate.need(object);
                flag::NEEDS_OBJECT
            }
        }
    })
}

fn pack_decision(decision: &Decision<'_>) -> u32 {
    match (decision.code, &decision.key) {
        (Code::Valid, Some(key)) => pack(Code::Valid, describe(key)),
        // Allowed but nobody's: no such decision exists, and it would not pass if it did.
        (Code::Valid, None) => pack(Code::SnapshotUnavailable, 0),
        (code, _) => pack(code, 0),
    }
}

fn pack(code: Code, output: usize) -> u32 {
    u32::from(code.number()) | (output as u32) << 16
}

/// Writes what the upstream is told of a key: id, environment, owner, metadata, a line each, all of it plain ASCII.
fn describe(key: &KeyView<'_>) -> usize {
    OUTPUT.with_borrow_mut(|output| {
        output.length = 0;
        let environment = match key.environment() {
            latchkey_token::Environment::Live => "live",
            latchkey_token::Environment::Test => "test",
        };
        // Writing into the output never fails, it cuts; the limits of the format keep it below its size.
        let _ = write!(output, "{}\n{environment}\n", Id::new("key", key.number()));
        output.percent_encode(key.owner().unwrap_or_default());
        output.push(b'\n');
        output.escape_json(key.metadata().unwrap_or_default());
        output.length
    })
}

struct Output {
    bytes: Box<[u8]>,
    length: usize,
}

impl Output {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    /// RFC 3986 percent-encoding of everything that a header value cannot hold as it is, and of `%` itself.
    fn percent_encode(&mut self, text: &str) {
        for byte in text.bytes() {
            if matches!(byte, b' '..=b'~') && byte != b'%' {
                self.push(byte);
            } else {
                let _ = write!(self, "%{byte:02X}");
            }
        }
    }

    /// The same JSON in ASCII. Outside its strings JSON has no character that is not ASCII, so escapes are always in a string.
    fn escape_json(&mut self, json: &str) {
        for character in json.chars() {
            match character {
                ' '..='~' => self.push(character as u8),
                // White space between two values; raw control characters cannot be elsewhere.
                '\0'..='\x1f' => self.push(b' '),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let _ = write!(self, "\\u{unit:04x}");
                    }
                }
            }
        }
    }
}

impl Write for Output {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
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
        let (credential, strip) = credential(leak(authorization), [leak(api_key), leak(own)]);
        let conflicts = matches!(credential, Credential::Conflicting);
        (if conflicts { Some("conflict".into()) } else { token(&credential) }, strip != 0)
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

    fn output(write: impl FnOnce(&mut Output)) -> String {
        let mut output = Output { bytes: vec![0; 64].into_boxed_slice(), length: 0 };
        write(&mut output);
        String::from_utf8_lossy(&output.bytes[..output.length]).into_owned()
    }

    #[test]
    fn text_for_the_upstream_is_ascii_and_reversible() {
        assert_eq!(output(|out| out.percent_encode("Zoë 100%\n")), "Zo%C3%AB 100%25%0A");
        assert_eq!(output(|out| out.escape_json("{\"a\":\t\"ë😀\"}")), "{\"a\": \"\\u00eb\\ud83d\\ude00\"}");
    }

    #[test]
    fn output_is_cut_at_its_size_and_never_beyond() {
        assert_eq!(output(|out| out.escape_json(&"x".repeat(100))).len(), 64);
    }
}
