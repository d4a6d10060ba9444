//! What a snapshot says of a key, for people: a decision says only whether it passes.

use std::net::IpAddr;

use latchkey_snapshot::bundle::UnverifiedBundle;
use latchkey_snapshot::id::Id;
use latchkey_snapshot::{
    Lookup, Policy, ProfileView, RateLimitMode, Reason, RowView, Snapshot, TagScheme, UnverifiedHead,
};
use latchkey_token::{parse_presented, tag};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::validator::Validator;

/// The head of a bundle, as it says itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadReport {
    audience: String,
    epoch: u32,
    seq: f64,
    issued_at: f64,
    fresh_until: f64,
    valid_until: f64,
    keys: f64,
    tag_scheme: &'static str,
}

/// Reads the head of a bundle without verifying anything: `{ audience, epoch, seq, issuedAt, freshUntil, validUntil, keys, tagScheme }`, times in
/// seconds since the epoch. For telling people what they loaded, and whom to ask for a key to trust; [`Validator::load`] verifies.
///
/// # Errors
/// Throws the code of the refusal if this is no bundle.
#[wasm_bindgen(js_name = describeBundle)]
pub fn describe_bundle(bundle: &[u8]) -> Result<JsValue, JsError> {
    let refused = |refusal: latchkey_snapshot::Refusal| JsError::new(refusal.code());
    let bundle = UnverifiedBundle::parse(bundle).map_err(refused)?;
    let head = UnverifiedHead::parse(bundle.head).map_err(refused)?;
    let head = head.unverified_fields();
    let report = HeadReport {
        audience: head.audience.to_string(),
        epoch: head.epoch,
        seq: head.seq as f64,
        issued_at: head.issued_at as f64,
        fresh_until: head.fresh_until as f64,
        valid_until: head.valid_until as f64,
        keys: head.key_count as f64,
        tag_scheme: match head.tag_scheme {
            TagScheme::Sha256 => "sha256",
            TagScheme::HmacSha256 { .. } => "hmac-sha256",
        },
    };
    Ok(serde_wasm_bindgen::to_value(&report)?)
}

/// What a snapshot says of a token.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyReport<'a> {
    /// `active`, `disabled`, `expired`, `revoked`, `unknown`, or why that cannot be said: `no-token`, `no-snapshot`, `pepper-needed`,
    /// `object-needed`.
    status: &'static str,
    /// Why it is revoked, if the snapshot says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key<'a> {
    id: String,
    environment: &'static str,
    owner: Option<&'a str>,
    metadata: Option<&'a str>,
    expires_at: Option<f64>,
    roles: Vec<Role<'a>>,
    grants: Vec<&'a str>,
    /// `null`: any address.
    addresses: Option<Vec<AddressRange>>,
    constraints: Vec<Constraint<'a>>,
    rate_limits: Vec<Rate<'a>>,
    /// `null`: not usage-limited.
    credits: Option<Vec<Credit<'a>>>,
    signing_keys: usize,
    must_sign: bool,
    has_unknown_restriction: bool,
}

#[derive(Serialize)]
struct Role<'a> {
    number: u16,
    grants: &'a [String],
}

#[derive(Serialize)]
struct AddressRange {
    first: String,
    last: String,
}

#[derive(Serialize)]
struct Constraint<'a> {
    name: &'a str,
    values: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rate<'a> {
    name: &'a str,
    limit: u32,
    window_seconds: u32,
    is_exact: bool,
}

#[derive(Serialize)]
struct Credit<'a> {
    unit: &'a str,
    granted: f64,
}

#[wasm_bindgen]
impl Validator {
    /// Says what the adopted snapshot has of a token: `{ status, reason, key }`, whatever request it is used for. It says more than a
    /// stranger may learn.
    ///
    /// # Errors
    /// Throws if the answer cannot be made into an object.
    #[wasm_bindgen(js_name = lookUp)]
    pub fn look_up(&self, token: &[u8], now: f64) -> Result<JsValue, JsError> {
        Ok(serde_wasm_bindgen::to_value(&report(self.snapshot(), token, now as u64))?)
    }
}

fn report<'a>(snapshot: Option<&'a Snapshot>, token: &[u8], now: u64) -> KeyReport<'a> {
    let only = |status| KeyReport { status, ..KeyReport::default() };
    let Some(snapshot) = snapshot else { return only("no-snapshot") };
    let policy = snapshot.policy().policy();
    let Ok(token) = parse_presented(token, policy.tokens) else { return only("no-token") };
    let Ok(tag) = tag(snapshot.head().head().tag_scheme, None, &token.digest()) else {
        return only("pepper-needed");
    };
    match snapshot.lookup(&tag.0) {
        Lookup::NotFound => only("unknown"),
        Lookup::Needs(_) => only("object-needed"),
        Lookup::Revoked(reason) => KeyReport { reason: told(reason), ..only("revoked") },
        Lookup::Row(row) => {
            let is_over = row.expires_at().is_some_and(|at| now >= at);
            let status = match (row.is_disabled(), is_over) {
                (true, _) => "disabled",
                (false, true) => "expired",
                (false, false) => "active",
            };
            KeyReport { status, reason: None, key: Some(key(&row, policy)) }
        }
    }
}

fn told(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Admin => Some("admin"),
        Reason::Leaked => Some("leaked"),
        Reason::Holder => Some("holder"),
        Reason::Rotated => Some("rotated"),
        // Also reasons that are yet to be invented.
        _ => None,
    }
}

fn key<'a>(row: &RowView<'a>, policy: &'a Policy) -> Key<'a> {
    let profile = row.profile();
    Key {
        id: Id::new("key", row.key_number()).to_string(),
        environment: if row.is_live() { "live" } else { "test" },
        owner: profile.owner(),
        metadata: profile.metadata(),
        expires_at: row.expires_at().map(|at| at as f64),
        roles: profile.roles().map(|number| role(number, policy)).collect(),
        grants: profile.grants().collect(),
        addresses: profile.ip_ranges.map(|ranges| ranges.allowed().map(AddressRange::of).collect()),
        constraints: constraints(&profile),
        rate_limits: rate_limits(&profile),
        credits: profile.credits.map(|credits| {
            credits.iter().map(|(unit, granted)| Credit { unit, granted: granted as f64 }).collect()
        }),
        signing_keys: profile.signing_keys.map_or(0, |keys| keys.iter().count()),
        must_sign: profile.signing_keys.is_some_and(|keys| keys.required()),
        has_unknown_restriction: profile.has_unknown_restriction,
    }
}

/// Snapshots have the numbers of roles and not their names.
fn role(number: u16, policy: &Policy) -> Role<'_> {
    let role = policy.roles.iter().find(|role| role.number == number);
    Role { number, grants: role.map_or(&[], |role| &role.grants) }
}

fn constraints<'a>(profile: &ProfileView<'a>) -> Vec<Constraint<'a>> {
    profile
        .constraints
        .iter()
        .map(|(name, values)| Constraint { name, values: values.iter().collect() })
        .collect()
}

fn rate_limits<'a>(profile: &ProfileView<'a>) -> Vec<Rate<'a>> {
    let rate = |limit: latchkey_snapshot::RateLimitView<'a>| Rate {
        name: limit.name,
        limit: limit.limit,
        window_seconds: limit.window_seconds,
        is_exact: limit.mode == RateLimitMode::Exact,
    };
    profile.rate_limits.iter().map(rate).collect()
}

impl AddressRange {
    fn of((first, last): (IpAddr, IpAddr)) -> Self {
        Self { first: first.to_string(), last: last.to_string() }
    }
}
