use latchkey_token::Prefix;
use serde::Serialize;
use serde_json::{Value, json};

use super::keyspace_draft::KeyspaceSettings;
use super::upstream_credential::GateEncryptionKey;
use super::{KeyRules, KeyspaceId, Sink, SinkSetting, Timestamp, WorkspaceId};

/// The keys that one gate enforces together, and how their snapshots are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyspace {
    /// Its id.
    pub id: KeyspaceId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// The start of every token.
    pub prefix: Prefix,
    /// Which keys its gates serve.
    pub environment: ServedEnvironment,
    /// Where snapshots are pushed to.
    pub gates: Vec<GateUrl>,
    /// Where else they are written to.
    pub sinks: Vec<Sink>,
    /// How long a snapshot is good for.
    pub freshness: Freshness,
    /// How it treats its keys.
    pub rules: KeyRules,
    /// The X25519 public key of its gates, if secrets are sealed for them.
    pub gate_encryption_key: Option<GateEncryptionKey>,
    /// Whether all its keys are shut out, and why.
    pub kill: Option<Kill>,
    /// The newest row of its change log.
    pub change_seq: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its settings last changed.
    pub updated_at: Timestamp,
    /// When it was deleted. Deleted keyspaces are kept until their gates know.
    pub deleted_at: Option<Timestamp>,
}

/// All keys of a keyspace are shut out until it is revived. The keys themselves stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The row of the change log.
    pub seq: u64,
    /// Since when.
    pub at: Timestamp,
    /// What was said.
    pub reason: String,
}

/// Which keys a gate serves: an audience of its own, so that a test deployment's snapshot is no good at a live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ServedEnvironment {
    /// Test and live keys.
    #[default]
    Any,
    /// Test keys only.
    Test,
    /// Live keys only.
    Live,
}

impl ServedEnvironment {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Test => "test",
            Self::Live => "live",
        }
    }

    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "any" => Ok(Self::Any),
            "test" => Ok(Self::Test),
            "live" => Ok(Self::Live),
            _ => Err("must be any, test or live".to_owned()),
        }
    }
}

/// What a gate does with a snapshot that is past `valid_until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum OnExpired {
    /// Refuse every request.
    #[default]
    Deny,
    /// Keep deciding by what it knows.
    Allow,
}

impl OnExpired {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }

    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "deny" => Ok(Self::Deny),
            "allow" => Ok(Self::Allow),
            _ => Err("must be deny or allow".to_owned()),
        }
    }
}

/// How long a snapshot is good for, from the moment it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// After this the gate reports itself stale, in seconds.
    pub fresh_seconds: u32,
    /// After this `on_expired` applies, in seconds.
    pub valid_seconds: u32,
    /// What happens then.
    pub on_expired: OnExpired,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { fresh_seconds: 90, valid_seconds: 86_400, on_expired: OnExpired::Deny }
    }
}

const MAX_URL_BYTES: usize = 512;

/// The address of a gate, `http` or `https`, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GateUrl(String);

impl GateUrl {
    /// Takes an address without query, fragment or credentials.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_URL_BYTES {
            return Err(format!("must have at most {MAX_URL_BYTES} bytes"));
        }
        let url = reqwest::Url::parse(text)
            .map_err(|_| "must be a URL such as https://gate.example.com".to_owned())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("must begin with http:// or https:// and name a host".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a user name or password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a query or a fragment".to_owned());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// Takes an address that was checked before it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Keyspace {
    /// What the audit log keeps.
    pub fn audit_view(&self) -> Value {
        let gates: Vec<_> = self.gates.iter().map(GateUrl::as_str).collect();
        json!({
            "id": self.id,
            "name": self.name,
            "prefix": self.prefix.as_str(),
            "environment": self.environment,
            "gates": gates,
            "sinks": self.sinks,
            "fresh_seconds": self.freshness.fresh_seconds,
            "valid_seconds": self.freshness.valid_seconds,
            "on_expired": self.freshness.on_expired,
            "keys_quota": self.rules.keys_quota,
            "owner_quota": self.rules.owner_quota,
            "leak_policy": self.rules.leak_policy,
            "retention_days": self.rules.retention_days,
            "default_expiry_days": self.rules.default_expiry_days,
            "foreign_tokens": self.rules.foreign_tokens,
            "request_log_days": self.rules.request_log_days,
            "gate_encryption_key": self.gate_encryption_key,
        })
    }

    /// The keyspace with other settings.
    pub fn with_settings(mut self, settings: KeyspaceSettings, at: Timestamp) -> Self {
        let KeyspaceSettings {
            name,
            prefix,
            environment,
            gates,
            sinks,
            freshness,
            rules,
            gate_encryption_key,
        } = settings;
        (self.name, self.prefix, self.environment, self.gates, self.freshness) =
            (name, prefix, environment, gates, freshness);
        self.sinks = sinks.into_iter().map(|SinkSetting { sink, .. }| sink).collect();
        (self.rules, self.gate_encryption_key) = (rules, gate_encryption_key);
        self.updated_at = at;
        self
    }
}
