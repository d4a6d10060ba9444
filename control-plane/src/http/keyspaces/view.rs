use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Keyspace, OnExpired, ServedEnvironment, Timestamp};
use crate::http::fields::Fields;

/// A keyspace: the keys that one gate enforces together.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeyspaceView {
    #[schema(example = "ks_06nd5xbm0q3tz")]
    id: String,
    #[schema(example = "Demo")]
    name: String,
    /// The start of every token.
    #[schema(example = "demo")]
    prefix: String,
    /// Which keys its gates serve.
    #[schema(value_type = String, example = "any")]
    environment: ServedEnvironment,
    /// Where snapshots are pushed to.
    gates: Vec<GateView>,
    freshness: FreshnessView,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A gate of a keyspace.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct GateView {
    /// Where it is; snapshots go to /.well-known/latchkey/ingest below it.
    #[schema(example = "https://gate.example.com")]
    url: String,
}

/// How long a snapshot is good for, from the moment it was signed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FreshnessView {
    /// After this the gate reports itself stale.
    #[schema(example = 90)]
    fresh_seconds: u32,
    /// After this `on_expired` applies.
    #[schema(example = 86400)]
    valid_seconds: u32,
    /// `deny` refuses every request; `allow` keeps deciding by what the gate knows.
    #[schema(value_type = String, example = "deny")]
    on_expired: OnExpired,
}

impl From<Keyspace> for KeyspaceView {
    fn from(keyspace: Keyspace) -> Self {
        Self {
            id: keyspace.id.to_string(),
            name: keyspace.name,
            prefix: keyspace.prefix.as_str().to_owned(),
            environment: keyspace.environment,
            gates: keyspace.gates.iter().map(|gate| GateView { url: gate.as_str().to_owned() }).collect(),
            freshness: FreshnessView {
                fresh_seconds: keyspace.freshness.fresh_seconds,
                valid_seconds: keyspace.freshness.valid_seconds,
                on_expired: keyspace.freshness.on_expired,
            },
            created_at: keyspace.created_at,
            updated_at: keyspace.updated_at,
        }
    }
}

/// What can be set of a keyspace. On creation only `name` is required; in a patch absent fields stay as they are and
/// `null` goes back to the default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct KeyspaceInput {
    /// 1 to 100 characters.
    #[schema(example = "Demo")]
    name: String,
    /// `[a-z][a-z0-9]{0,10}`; default `lk`. Tokens made before keep theirs.
    #[schema(example = "demo")]
    prefix: Option<String>,
    /// `any`, `test` or `live`; default `any`.
    #[schema(example = "any")]
    environment: Option<String>,
    /// At most 64; default none.
    gates: Option<Vec<GateInput>>,
    freshness: Option<FreshnessInput>,
}

/// A gate.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct GateInput {
    /// `http` or `https`, without query or credentials.
    #[schema(example = "https://gate.example.com")]
    url: String,
}

/// See the keyspace's `freshness`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct FreshnessInput {
    /// 5 to `valid_seconds`; default 90.
    #[schema(example = 90)]
    fresh_seconds: Option<u32>,
    /// 5 to 2,592,000; default 86,400.
    #[schema(example = 86400)]
    valid_seconds: Option<u32>,
    /// `deny` or `allow`; default `deny`.
    #[schema(example = "deny")]
    on_expired: Option<String>,
}

/// The fields of `gates`.
pub(super) fn gates(body: &mut Fields) -> Option<Option<Vec<String>>> {
    body.nested_list("gates", |gate| gate.text("url").flatten().unwrap_or_default())
}

/// The fields of `freshness`.
pub(super) struct FreshnessFields {
    pub(super) fresh_seconds: Option<Option<u64>>,
    pub(super) valid_seconds: Option<Option<u64>>,
    pub(super) on_expired: Option<Option<String>>,
}

pub(super) fn freshness(body: &mut Fields) -> FreshnessFields {
    let fields = body.nested("freshness", |freshness| FreshnessFields {
        fresh_seconds: freshness.number("fresh_seconds"),
        valid_seconds: freshness.number("valid_seconds"),
        on_expired: freshness.text("on_expired"),
    });
    match fields {
        Some(Some(fields)) => fields,
        Some(None) => {
            FreshnessFields { fresh_seconds: Some(None), valid_seconds: Some(None), on_expired: Some(None) }
        }
        None => FreshnessFields { fresh_seconds: None, valid_seconds: None, on_expired: None },
    }
}
