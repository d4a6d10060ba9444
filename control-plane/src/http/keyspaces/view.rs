use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::upstream_credential::GateEncryptionKey;
use crate::domain::{KeyRulesPatch, Keyspace, LeakPolicy, OnExpired, ServedEnvironment, Timestamp};
use crate::http::fields::Fields;
use crate::http::shapes;

pub(super) use super::sinks::sinks;
use super::sinks::{SinkInput, SinkView};

/// A keyspace: the keys that one gate enforces together.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeyspaceView {
    #[schema(value_type = shapes::KeyspaceId)]
    id: String,
    #[schema(example = "Demo")]
    name: String,
    /// The start of every token.
    #[schema(value_type = shapes::Prefix)]
    prefix: String,
    /// Which keys its gates serve.
    #[schema(value_type = shapes::ServedEnvironment)]
    environment: ServedEnvironment,
    /// Where snapshots are pushed to.
    gates: Vec<GateView>,
    /// Where else they are written to, for gates to read.
    sinks: Vec<SinkView>,
    freshness: FreshnessView,
    quotas: QuotasView,
    #[schema(value_type = shapes::LeakReaction)]
    leak_policy: LeakPolicy,
    /// For how many days a revoked key is kept and can be restored.
    #[schema(example = 30)]
    retention_days: u32,
    /// Days that a key lives if its creator says nothing; `null`: for ever.
    #[schema(example = 90)]
    default_expiry_days: Option<u32>,
    /// Whether tokens that Latchkey did not make are good here.
    foreign_tokens: bool,
    /// For how many days the requests that gates report are kept; 0: only counts are.
    #[schema(example = 7)]
    request_log_days: u32,
    /// The X25519 public key of its gates, by which secrets are sealed for them; `null`: none.
    #[schema(value_type = Option<shapes::GateKey>)]
    gate_encryption_key: Option<GateEncryptionKey>,
    /// Every key is shut out since then; `null`: keys are taken.
    killed: Option<KillView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A keyspace whose keys are all shut out.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KillView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    reason: String,
}

/// How many keys that are not revoked there may be; `null`: as many as you like.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct QuotasView {
    keys: Option<u64>,
    /// Of one owner; keys without an owner share one quota.
    keys_per_owner: Option<u64>,
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
    #[schema(value_type = shapes::OnExpired)]
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
            sinks: keyspace.sinks.into_iter().map(SinkView::from).collect(),
            freshness: FreshnessView {
                fresh_seconds: keyspace.freshness.fresh_seconds,
                valid_seconds: keyspace.freshness.valid_seconds,
                on_expired: keyspace.freshness.on_expired,
            },
            quotas: QuotasView {
                keys: keyspace.rules.keys_quota,
                keys_per_owner: keyspace.rules.owner_quota,
            },
            leak_policy: keyspace.rules.leak_policy,
            retention_days: keyspace.rules.retention_days,
            default_expiry_days: keyspace.rules.default_expiry_days,
            foreign_tokens: keyspace.rules.foreign_tokens,
            request_log_days: keyspace.rules.request_log_days,
            gate_encryption_key: keyspace.gate_encryption_key,
            killed: keyspace.kill.map(|kill| KillView { at: kill.at, reason: kill.reason }),
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
    #[schema(value_type = shapes::Name, required = false)]
    name: String,
    /// `[a-z][a-z0-9]{0,10}`; default `lk`. Tokens made before keep theirs.
    #[schema(value_type = Option<shapes::Prefix>)]
    prefix: Option<String>,
    /// Default `any`.
    #[schema(value_type = Option<shapes::ServedEnvironment>)]
    environment: Option<String>,
    /// At most 64; default none.
    #[schema(value_type = Option<HashSet<GateInput>>, max_items = 64)]
    gates: Option<Vec<GateInput>>,
    /// At most 8; default none. See docs/sinks.md.
    #[schema(value_type = Option<Vec<SinkInput>>, max_items = 8)]
    sinks: Option<Vec<SinkInput>>,
    freshness: Option<FreshnessInput>,
    quotas: Option<QuotasInput>,
    /// Default `revoke`.
    #[schema(value_type = Option<shapes::LeakReaction>)]
    leak_policy: Option<String>,
    /// 1 to 3,650; default 30.
    #[schema(example = 30, minimum = 1, maximum = 3650)]
    retention_days: Option<u32>,
    /// 1 to 3,650; default 90. `null`: keys live for ever unless their creator says otherwise.
    #[schema(example = 90, minimum = 1, maximum = 3650)]
    default_expiry_days: Option<u32>,
    /// Whether tokens that Latchkey did not make, imported or set by a caller, are good; default false.
    #[schema(example = false)]
    foreign_tokens: Option<bool>,
    /// 0 to 90; default 7.
    #[schema(example = 7, maximum = 90)]
    request_log_days: Option<u32>,
    /// An X25519 public key whose private half only the gates have; default none. A new one seals every upstream credential anew, and gates
    /// that have the old private key cannot open them any more.
    #[schema(value_type = Option<shapes::GateKey>)]
    gate_encryption_key: Option<String>,
}

/// See the keyspace's `quotas`; default none.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct QuotasInput {
    /// 1 to 1,000,000,000.
    #[schema(example = 100000, minimum = 1, maximum = 1000000000)]
    keys: Option<u64>,
    /// 1 to 1,000,000,000.
    #[schema(example = 1000, minimum = 1, maximum = 1000000000)]
    keys_per_owner: Option<u64>,
}

/// What can be set of a new keyspace.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct NewKeyspaceInput {
    #[serde(flatten)]
    settings: KeyspaceInput,
    /// 1 to 100 characters.
    #[schema(value_type = shapes::Name)]
    name: String,
    /// Roles to begin with. `read-pay-admin`: Read grants `*:read`, ReadAndPay adds `*:pay`, Admin grants `*`.
    #[schema(value_type = Option<shapes::RolePreset>)]
    preset: Option<String>,
}

/// A gate.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct GateInput {
    /// `http` or `https`, without query or credentials.
    #[schema(value_type = shapes::GateUrl)]
    url: String,
}

/// See the keyspace's `freshness`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct FreshnessInput {
    /// 5 to `valid_seconds`; default 90.
    #[schema(example = 90, minimum = 5, maximum = 2592000)]
    fresh_seconds: Option<u32>,
    /// 5 to 2,592,000; default 86,400.
    #[schema(example = 86400, minimum = 5, maximum = 2592000)]
    valid_seconds: Option<u32>,
    /// Default `deny`.
    #[schema(value_type = Option<shapes::OnExpired>)]
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

/// The fields that say how keys are treated.
pub(super) fn rules(body: &mut Fields) -> KeyRulesPatch {
    let quotas = body.nested("quotas", |quotas| (quotas.number("keys"), quotas.number("keys_per_owner")));
    let (keys_quota, owner_quota) = match quotas {
        Some(Some(quotas)) => quotas,
        Some(None) => (Some(None), Some(None)),
        None => (None, None),
    };
    KeyRulesPatch {
        keys_quota,
        owner_quota,
        leak_policy: body.text("leak_policy"),
        retention_days: body.number("retention_days"),
        default_expiry_days: body.number("default_expiry_days"),
        foreign_tokens: body.flag("foreign_tokens"),
        request_log_days: body.number("request_log_days"),
    }
}
