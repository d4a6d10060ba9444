//! Decisions: no request makes deciding panic, and only a key that may pass passes.

use std::sync::OnceLock;

use latchkey_token::credential::bearer;
use latchkey_validator::{Code, Credential, GateView, Loaded, RequestFacts, Rules, Verdict, decide};

use crate::fixture::{self, NOW};

/// Credential, method and target, a line each.
pub(crate) fn run(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (authorization, method, target) = (line(), line(), line());
    let Ok(method) = std::str::from_utf8(method) else { return };
    let facts = RequestFacts::new(Credential::Authorization(authorization), method, target);
    let snapshot = fixture::snapshot();
    let gate = GateView { peppers: &[], loaded: Some(Loaded { snapshot, rules: rules() }) };
    let Verdict::Decided(decision) = decide(&facts, &gate, NOW) else { panic!("all of it is loaded") };
    if decision.code != Code::Valid {
        return;
    }
    let token = bearer(authorization).expect("who passes has presented a credential");
    assert!(fixture::good_tokens().any(|good| good.as_bytes() == token), "only issued tokens pass");
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let is_orders = path.starts_with(b"/orders/") && matches!(method, "GET" | "HEAD");
    assert!(is_orders || path.starts_with(b"/public"), "only routes that the policy lists pass");
    assert!(
        !contains(path, b"//") && !contains(path, b"/../") && !contains(path, b"%2f"),
        "only canonical paths pass"
    );
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
        format!("Bearer {}\nGET\n/orders/17?expand=items", fixture::token_of(1)),
        format!("Bearer {}\nHEAD\n/orders/17", fixture::token_of(2)),
        format!("Bearer {}\nPOST\n/orders", fixture::token_of(3)),
        format!("bearer  {}\nPUT\n/public/a/b/c/", fixture::token_of(40)),
        format!("Bearer {}\nGET\n/public/%40", fixture::token_of(4)),
    ]
    .map(String::into_bytes)
    .to_vec()
}
