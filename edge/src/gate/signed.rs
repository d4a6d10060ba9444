//! Requests whose signature has to be verified. That takes waiting for: for a body's digest, for the ledger that remembers nonces. So the decision breaks
//! off before anything is counted or spent, and is made once more with a pass. A pass says what was verified for which key; if the key or the
//! route asks something else by then, it counts for nothing.

use std::cell::RefCell;

use latchkey_validator::{Code, Conditional};
use serde_json::json;
use worker::{Env, Request};

use crate::signature::Check;

thread_local! {
    /// What the last decision wants verified.
    static WANTED: RefCell<Option<Check>> = const { RefCell::new(None) };
    /// Of the request that is being decided.
    static PASS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Whether nothing about the request's signature is left to do. If something is, it is kept for [`take_wanted`].
pub(super) fn is_settled(conditional: &Conditional<'_>) -> bool {
    let Some(demand) = &conditional.demands.signature else { return true };
    let check = Check::of(conditional.key.number(), demand);
    let is_settled = PASS.with_borrow(|pass| pass.as_ref().is_some_and(|pass| *pass == check.pass()));
    if !is_settled {
        WANTED.set(Some(check));
    }
    is_settled
}

pub(super) fn take_wanted() -> Option<Check> {
    WANTED.take()
}

/// For the decision that follows.
pub(super) fn present(pass: String) {
    PASS.set(Some(pass));
}

/// A pass is of one request: the next one must not find it.
pub(super) fn forget_pass() {
    PASS.set(None);
}

/// Verifies, and says what came of it as JSON: `{code, pass, accept}`. `accept` is the `Accept-Signature` of a refusal that has one.
pub(super) async fn verify(check: &Check, env: &Env, request: &Request) -> String {
    let outcome = check.settle(env, request).await;
    let code = outcome.err().unwrap_or(Code::Valid);
    let accept = (code == Code::SignatureRequired).then(|| check.accept_signature());
    json!({ "code": code.number(), "pass": check.pass(), "accept": accept }).to_string()
}
