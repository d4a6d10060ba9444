use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::input;
use super::output::{Column, PageArgs, list};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a keyspace.
    Create {
        /// Its name.
        #[arg(long, required_unless_present = "json")]
        name: Option<String>,
        /// Make the roles of a set as well: read-pay-admin.
        #[arg(long)]
        preset: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List keyspaces, newest first.
    List(PageArgs),
    /// Show a keyspace.
    Get {
        /// ks_…
        keyspace: String,
    },
    /// Change a keyspace; what is not given stays as it is.
    Update {
        /// ks_…
        keyspace: String,
        /// Its name.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Put a field back to its default.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
        /// Only if it is still as it was at this change_seq.
        #[arg(long, value_name = "CHANGE_SEQ")]
        if_match: Option<u64>,
    },
    /// Delete a keyspace; refused while keys in it work.
    Delete {
        /// ks_…
        keyspace: String,
        /// Revoke the keys that still work.
        #[arg(long)]
        force: bool,
    },
    /// Shut every key of a keyspace out, until it is revived.
    Kill {
        /// ks_…
        keyspace: String,
        /// Why; kept in the audit log.
        #[arg(long)]
        reason: String,
        /// Yes, every request of every key.
        #[arg(long)]
        yes: bool,
    },
    /// Let the keys of a killed keyspace in again.
    Revive {
        /// ks_…
        keyspace: String,
        /// Why; kept in the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Revoke every key of an owner.
    RevokeOwner {
        /// ks_…
        keyspace: String,
        /// Whose keys.
        owner: String,
        /// Why; kept with each key and in the audit log.
        #[arg(long)]
        reason: String,
        /// Yes, all of them.
        #[arg(long)]
        yes: bool,
    },
    /// Show how far the gates of a keyspace have come.
    Propagation {
        /// ks_…
        keyspace: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Fields {
    /// The start of every token.
    #[arg(long)]
    prefix: Option<String>,
    /// Which keys its gates serve: any, test or live.
    #[arg(long)]
    environment: Option<String>,
    /// Where a gate is; repeat for several. Replaces the list.
    #[arg(long, value_name = "URL")]
    gate: Vec<String>,
    /// After this many seconds a gate without news reports itself stale.
    #[arg(long, value_name = "SECONDS")]
    fresh_seconds: Option<u64>,
    /// After this many seconds on_expired applies.
    #[arg(long, value_name = "SECONDS")]
    valid_seconds: Option<u64>,
    /// What a gate with an expired snapshot does: deny or allow.
    #[arg(long, value_name = "deny|allow")]
    on_expired: Option<String>,
    /// How many keys there may be, all in all.
    #[arg(long, value_name = "N")]
    quota_keys: Option<u64>,
    /// How many keys an owner may have.
    #[arg(long, value_name = "N")]
    quota_keys_per_owner: Option<u64>,
    /// What happens to a key whose token was found: revoke, disable or notify.
    #[arg(long)]
    leak_policy: Option<String>,
    /// How long a revoked key can be restored.
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<u64>,
    /// When new keys expire unless they say so themselves: days, or never.
    #[arg(long, value_name = "DAYS|never")]
    default_expiry_days: Option<String>,
    /// Whether tokens of other shapes than Latchkey's are taken.
    #[arg(long, value_name = "true|false")]
    foreign_tokens: Option<bool>,
    /// The X25519 public key of its gates, as `latchkey gate-key` makes it, by which upstream credentials are sealed.
    // One in 64 begins with a hyphen.
    #[arg(long, value_name = "BASE64URL", allow_hyphen_values = true)]
    gate_encryption_key: Option<String>,
    /// Fields as a JSON object; flags outrank them.
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Create { name, preset, fields, idempotency_key } => {
            let mut body = fields.into_body(&session)?;
            set(&mut body, "name", name);
            set(&mut body, "preset", preset);
            session.show(Call::post("/v1/keyspaces", body).idempotency_key(idempotency_key)).await
        }
        Command::List(page) => list(&session, Call::get("/v1/keyspaces"), page, COLUMNS).await,
        Command::Get { keyspace } => session.show(Call::get(path(&keyspace)?)).await,
        Command::Update { keyspace, name, fields, unset, if_match } => {
            let mut body = fields.into_body(&session)?;
            set(&mut body, "name", name);
            body.extend(unset.into_iter().map(|field| (field, Value::Null)));
            session.show(Call::patch(path(&keyspace)?, body).if_match(if_match)).await
        }
        Command::Delete { keyspace, force } => {
            let call = Call::delete(path(&keyspace)?).query("force", force.then_some(true));
            session.perform(call, &format!("{keyspace} is deleted")).await
        }
        Command::Kill { keyspace, reason, yes } => {
            confirmed(yes, "every key of the keyspace stops working")?;
            session.show(Call::post(path(&keyspace)? + ":kill", because(reason))).await
        }
        Command::Revive { keyspace, reason } => {
            session.show(Call::post(path(&keyspace)? + ":revive", because(reason))).await
        }
        Command::RevokeOwner { keyspace, owner, reason, yes } => {
            confirmed(yes, "every key of the owner is revoked")?;
            let mut body = because(reason);
            set(&mut body, "owner", Some(owner));
            session.show(Call::post(path(&keyspace)? + "/owners:revoke", body)).await
        }
        Command::Propagation { keyspace } => session.show(Call::get(path(&keyspace)? + "/propagation")).await,
    }
}

/// Where a keyspace is.
pub(super) fn path(keyspace: &str) -> Result<String, Failure> {
    Ok(format!("/v1/keyspaces/{}", input::id("ks", "keyspace", keyspace)?))
}

/// Sets a field if there is a value.
pub(super) fn set(body: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), value.into());
    }
}

/// The body of an operation that asks for a reason and nothing else.
pub(super) fn because(reason: String) -> Map<String, Value> {
    Map::from_iter([("reason".to_owned(), reason.into())])
}

/// Refuses what cannot have been meant without being said twice.
fn confirmed(yes: bool, consequence: &str) -> Result<(), Failure> {
    if yes { Ok(()) } else { Err(Failure::usage(format!("{consequence}: add --yes if that is meant"))) }
}

const COLUMNS: &[Column] = &[
    Column("id", |item| Column::text(item, "/id")),
    Column("name", |item| Column::text(item, "/name")),
    Column("prefix", |item| Column::text(item, "/prefix")),
    Column("environment", |item| Column::text(item, "/environment")),
    Column("gates", |item| item["gates"].as_array().map_or(0, Vec::len).to_string()),
    Column("created_at", |item| Column::text(item, "/created_at")),
];

impl Fields {
    fn into_body(self, session: &Session) -> Result<Map<String, Value>, Failure> {
        let mut body = session.object(self.json.as_deref())?;
        set(&mut body, "prefix", self.prefix);
        set(&mut body, "environment", self.environment);
        if !self.gate.is_empty() {
            body.insert("gates".to_owned(), self.gate.iter().map(|url| json!({ "url": url })).collect());
        }
        let freshness = [
            ("fresh_seconds", self.fresh_seconds.map(Value::from)),
            ("valid_seconds", self.valid_seconds.map(Value::from)),
            ("on_expired", self.on_expired.map(Value::from)),
        ];
        nest(&mut body, "freshness", freshness);
        let quotas = [
            ("keys", self.quota_keys.map(Value::from)),
            ("keys_per_owner", self.quota_keys_per_owner.map(Value::from)),
        ];
        nest(&mut body, "quotas", quotas);
        set(&mut body, "leak_policy", self.leak_policy);
        set(&mut body, "retention_days", self.retention_days);
        set(&mut body, "default_expiry_days", self.default_expiry_days.map(days).transpose()?);
        set(&mut body, "foreign_tokens", self.foreign_tokens);
        set(&mut body, "gate_encryption_key", self.gate_encryption_key);
        Ok(body)
    }
}

fn days(text: String) -> Result<Value, Failure> {
    match text.as_str() {
        "never" => Ok(Value::Null),
        text => text
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| Failure::usage("--default-expiry-days must be a number or `never`")),
    }
}

/// Sets fields of an object in the body, beside those that are there.
fn nest<const N: usize>(body: &mut Map<String, Value>, name: &str, fields: [(&str, Option<Value>); N]) {
    let given = fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)));
    let mut given = given.peekable();
    if given.peek().is_none() {
        return;
    }
    match body.entry(name).or_insert_with(|| json!({})) {
        Value::Object(object) => object.extend(given),
        other => *other = Value::Object(given.collect()),
    }
}
