//! Decisions: no request makes deciding panic, and only a key that may pass passes.

use std::sync::OnceLock;

use latchkey_snapshot::bundle::{Intent, encode};
use latchkey_snapshot::public_key_text;
use latchkey_token::credential::bearer;
use latchkey_validator::{Code, Credential, GateView, Loaded, RequestFacts, Rules, Verdict, decide};

use crate::fixture::{self, NOW};

/// Credential, method, client address and target, a line each.
pub(crate) fn run(bytes: &[u8]) {
    let [authorization, method, address, target] = lines_of(bytes);
    let Ok(method) = std::str::from_utf8(method) else { return };
    let facts = RequestFacts::new(Credential::Authorization(authorization), method, target);
    let facts = facts.with_address(std::str::from_utf8(address).ok().and_then(|text| text.parse().ok()));
    match decide(&facts, &gate(), NOW) {
        Verdict::Decided(decision) if decision.code == Code::Valid => {
            check_passed(authorization, method, target)
        }
        Verdict::Decided(_) => {}
        Verdict::Conditional(conditional) => {
            assert!(!conditional.demands.is_empty(), "a condition says what is left to do");
            check_passed(authorization, method, target);
        }
        Verdict::NeedsObject(_) => panic!("all of it is loaded"),
    }
}

fn lines_of(bytes: &[u8]) -> [&[u8]; 4] {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    std::array::from_fn(|_| lines.next().unwrap_or_default())
}

fn gate() -> GateView<'static> {
    GateView { peppers: &[], loaded: Some(Loaded { snapshot: fixture::snapshot(), rules: rules() }) }
}

/// What another build of the validator needs to decide the same requests.
pub struct Deployment {
    /// `ks_…/any`.
    pub audience: String,
    /// `ed25519:…`.
    pub trusted_key: String,
    /// The whole snapshot.
    pub bundle: Vec<u8>,
    /// Seconds since the epoch.
    pub now: u64,
}

/// What [`code_of`] decides with.
pub fn deployment() -> Deployment {
    let published = fixture::published();
    let bodies = published.bodies.iter().map(Vec::as_slice);
    Deployment {
        audience: fixture::trust().audience().to_string(),
        trusted_key: public_key_text(&fixture::signer().public_key()),
        bundle: encode(Intent::Commit, &published.head, bodies).expect("a small bundle"),
        now: NOW,
    }
}

/// The number of the code of a request in the form of this target, as the Wasm build has to decide it too: there nothing settles conditions, and a
/// method that is no text is none.
pub fn code_of(bytes: &[u8]) -> u8 {
    let [authorization, method, address, target] = lines_of(bytes);
    let method = std::str::from_utf8(method).unwrap_or_default();
    let facts = RequestFacts::new(Credential::Authorization(authorization), method, target);
    let facts = facts.with_address_text((!address.is_empty()).then_some(address));
    match decide(&facts, &gate(), NOW) {
        Verdict::Decided(decision) => decision.code.number(),
        Verdict::Conditional(_) => Code::RestrictionUnsupported.number(),
        Verdict::NeedsObject(_) => panic!("all of it is loaded"),
    }
}

fn check_passed(authorization: &[u8], method: &str, target: &[u8]) {
    let token = bearer(authorization).expect("who passes has presented a credential");
    assert!(fixture::good_tokens().any(|good| good.as_bytes() == token), "only issued tokens pass");
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let is_orders = path.starts_with(b"/orders/") && matches!(method, "GET" | "HEAD");
    let is_listed =
        is_orders || path.starts_with(b"/public") || (path.starts_with(b"/pay/") && method == "POST");
    assert!(is_listed, "only routes that the policy lists pass");
    let is_odd = [&b"//"[..], b"/../", b"%2f"].iter().any(|part| contains(path, part));
    assert!(!is_odd, "only canonical paths pass");
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::compile(fixture::snapshot().policy()).expect("an enforceable policy"))
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        format!("Bearer {}\nGET\n\n/orders/17?expand=items", fixture::token_of(1)),
        format!("Bearer {}\nHEAD\n192.0.2.1\n/orders/17", fixture::token_of(2)),
        format!("Bearer {}\nPOST\n\n/orders", fixture::token_of(3)),
        format!("bearer  {}\nPUT\n::1\n/public/a/b/c/", fixture::token_of(40)),
        format!("Bearer {}\nGET\n10.2.0.1\n/public/%40", fixture::token_of(5)),
        format!("Bearer {}\nPOST\n10.2.0.1\n/pay/mainnet", fixture::token_of(6)),
    ]
    .map(String::into_bytes)
    .to_vec()
}
