use latchkey_token::Prefix;

use super::upstream_credential::GateEncryptionKey;
use super::{
    FieldErrors, Freshness, GateUrl, KeyRules, KeyRulesPatch, Keyspace, OnExpired, ServedEnvironment, Sink,
    SinkSetting, text,
};

/// The shortest validity: below it a gate would expire between two heartbeats on any hiccup.
const MIN_SECONDS: u32 = 5;
/// The longest validity that the snapshot format allows: 30 days.
const MAX_SECONDS: u32 = 2_592_000;
/// Gates of one keyspace: each gets a push of its own.
const MAX_GATES: usize = 64;

/// What a caller wants of a new keyspace; absent fields get their default.
#[derive(Clone, Debug, Default)]
pub struct KeyspaceDraft {
    /// Required.
    pub name: Option<String>,
    /// Default `lk`.
    pub prefix: Option<String>,
    /// Default `any`.
    pub environment: Option<String>,
    /// Default none.
    pub gates: Option<Vec<String>>,
    /// Checked before; default none.
    pub sinks: Option<Vec<SinkSetting>>,
    /// Default 90.
    pub fresh_seconds: Option<u64>,
    /// Default 86,400.
    pub valid_seconds: Option<u64>,
    /// Default `deny`.
    pub on_expired: Option<String>,
    /// Laid over the default rules.
    pub rules: KeyRulesPatch,
    /// Default none.
    pub gate_encryption_key: Option<String>,
}

/// What a caller wants changed: absent fields stay, `Some(None)` goes back to the default.
#[derive(Clone, Debug, Default)]
pub struct KeyspacePatch {
    /// Has no default.
    pub name: Option<Option<String>>,
    /// Tokens made before keep their prefix.
    pub prefix: Option<Option<String>>,
    /// See [`KeyspaceDraft::environment`].
    pub environment: Option<Option<String>>,
    /// The whole list.
    pub gates: Option<Option<Vec<String>>>,
    /// The whole list, checked before.
    pub sinks: Option<Vec<SinkSetting>>,
    /// See [`Freshness`].
    pub fresh_seconds: Option<Option<u64>>,
    /// See [`Freshness`].
    pub valid_seconds: Option<Option<u64>>,
    /// See [`Freshness`].
    pub on_expired: Option<Option<String>>,
    /// See [`KeyRules`].
    pub rules: KeyRulesPatch,
    /// See [`Keyspace::gate_encryption_key`].
    pub gate_encryption_key: Option<Option<String>>,
}

/// The settings of a keyspace, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyspaceSettings {
    /// See [`Keyspace::name`].
    pub name: String,
    /// See [`Keyspace::prefix`].
    pub prefix: Prefix,
    /// See [`Keyspace::environment`].
    pub environment: ServedEnvironment,
    /// See [`Keyspace::gates`].
    pub gates: Vec<GateUrl>,
    /// See [`Keyspace::sinks`].
    pub sinks: Vec<SinkSetting>,
    /// See [`Keyspace::freshness`].
    pub freshness: Freshness,
    /// See [`Keyspace::rules`].
    pub rules: KeyRules,
    /// See [`Keyspace::gate_encryption_key`].
    pub gate_encryption_key: Option<GateEncryptionKey>,
}

impl KeyspaceDraft {
    /// Checks every field. `errors` holds what was wrong before this point.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(self, errors: FieldErrors) -> Result<KeyspaceSettings, FieldErrors> {
        self.check_over(&KeyRules::default(), errors)
    }

    fn check_over(self, rules: &KeyRules, mut errors: FieldErrors) -> Result<KeyspaceSettings, FieldErrors> {
        let defaults = Freshness::default();
        let name =
            errors.required("/name", self.name).and_then(|name| errors.check("/name", text::name(name)));
        let prefix = errors.check("/prefix", Prefix::new(self.prefix.as_deref().unwrap_or("lk")));
        let environment = errors.check(
            "/environment",
            self.environment.as_deref().map_or(Ok(ServedEnvironment::Any), ServedEnvironment::parse),
        );
        let gates = check_gates(self.gates.unwrap_or_default(), &mut errors);
        let on_expired = errors.check(
            "/freshness/on_expired",
            self.on_expired.as_deref().map_or(Ok(OnExpired::Deny), OnExpired::parse),
        );
        let (fresh_seconds, valid_seconds) = check_seconds(
            self.fresh_seconds.unwrap_or(defaults.fresh_seconds.into()),
            self.valid_seconds.unwrap_or(defaults.valid_seconds.into()),
            &mut errors,
        );
        let rules = self.rules.apply(rules, &mut errors);
        let gate_encryption_key = self
            .gate_encryption_key
            .and_then(|text| errors.check("/gate_encryption_key", GateEncryptionKey::parse(&text)));
        match (name, prefix, environment, on_expired) {
            (Some(name), Some(prefix), Some(environment), Some(on_expired)) if errors.is_empty() => {
                Ok(KeyspaceSettings {
                    name,
                    prefix,
                    environment,
                    gates,
                    sinks: self.sinks.unwrap_or_default(),
                    freshness: Freshness { fresh_seconds, valid_seconds, on_expired },
                    rules,
                    gate_encryption_key,
                })
            }
            _ => Err(errors),
        }
    }
}

impl KeyspacePatch {
    /// Lays the patch over a keyspace's settings and checks the result.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn apply(self, keyspace: &Keyspace) -> Result<KeyspaceSettings, FieldErrors> {
        let kept = &keyspace.freshness;
        KeyspaceDraft {
            name: self.name.unwrap_or_else(|| Some(keyspace.name.clone())),
            prefix: self.prefix.unwrap_or_else(|| Some(keyspace.prefix.as_str().to_owned())),
            environment: self.environment.unwrap_or_else(|| Some(keyspace.environment.as_str().to_owned())),
            gates: self.gates.unwrap_or_else(|| {
                Some(keyspace.gates.iter().map(|gate| gate.as_str().to_owned()).collect())
            }),
            sinks: self.sinks.or_else(|| Some(kept_sinks(keyspace))),
            fresh_seconds: self.fresh_seconds.unwrap_or(Some(kept.fresh_seconds.into())),
            valid_seconds: self.valid_seconds.unwrap_or(Some(kept.valid_seconds.into())),
            on_expired: self.on_expired.unwrap_or_else(|| Some(kept.on_expired.as_str().to_owned())),
            rules: self.rules,
            gate_encryption_key: self
                .gate_encryption_key
                .unwrap_or_else(|| keyspace.gate_encryption_key.map(|key| key.to_string())),
        }
        .check_over(&keyspace.rules, FieldErrors::default())
    }
}

fn kept_sinks(keyspace: &Keyspace) -> Vec<SinkSetting> {
    let kept = |sink: &Sink| SinkSetting { sink: sink.clone(), sealed: None };
    keyspace.sinks.iter().map(kept).collect()
}

fn check_gates(urls: Vec<String>, errors: &mut FieldErrors) -> Vec<GateUrl> {
    if urls.len() > MAX_GATES {
        errors.add("/gates", format!("must have at most {MAX_GATES} entries"));
        return Vec::new();
    }
    let mut gates: Vec<GateUrl> = Vec::with_capacity(urls.len());
    for (at, url) in urls.iter().enumerate() {
        let field = format!("/gates/{at}/url");
        let Some(gate) = errors.check(field.as_str(), GateUrl::parse(url)) else { continue };
        if gates.contains(&gate) {
            errors.add(field, "stands in the list twice");
        } else {
            gates.push(gate);
        }
    }
    gates
}

fn check_seconds(fresh: u64, valid: u64, errors: &mut FieldErrors) -> (u32, u32) {
    let bounded = |seconds: u64| {
        u32::try_from(seconds).ok().filter(|seconds| (MIN_SECONDS..=MAX_SECONDS).contains(seconds))
    };
    let valid = bounded(valid).unwrap_or_else(|| {
        errors.add("/freshness/valid_seconds", format!("must be between {MIN_SECONDS} and {MAX_SECONDS}"));
        MAX_SECONDS
    });
    let fresh = bounded(fresh).filter(|fresh| *fresh <= valid).unwrap_or_else(|| {
        errors.add("/freshness/fresh_seconds", format!("must be between {MIN_SECONDS} and valid_seconds"));
        MIN_SECONDS
    });
    (fresh, valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(errors: &FieldErrors) -> Vec<&str> {
        errors.iter().map(|error| error.field.as_str()).collect()
    }

    #[test]
    fn a_name_is_all_that_a_keyspace_needs() {
        let settings = KeyspaceDraft { name: Some("Demo".into()), ..Default::default() }
            .check(FieldErrors::default())
            .unwrap();
        assert_eq!((settings.prefix.as_str(), settings.environment), ("lk", ServedEnvironment::Any));
        assert_eq!(settings.freshness, Freshness::default());
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let errors = KeyspaceDraft {
            name: Some(String::new()),
            prefix: Some("No".into()),
            environment: Some("prod".into()),
            gates: Some(vec![
                "http://gate".into(),
                "ftp://gate".into(),
                "http://gate/".into(),
                "https://u:p@gate".into(),
            ]),
            sinks: None,
            fresh_seconds: Some(10),
            valid_seconds: Some(4),
            on_expired: Some("maybe".into()),
            rules: KeyRulesPatch { retention_days: Some(Some(0)), ..Default::default() },
            gate_encryption_key: Some("x".into()),
        }
        .check(FieldErrors::default())
        .unwrap_err();
        assert_eq!(
            fields(&errors),
            [
                "/name",
                "/prefix",
                "/environment",
                "/gates/1/url",
                "/gates/2/url",
                "/gates/3/url",
                "/freshness/on_expired",
                "/freshness/valid_seconds",
                "/retention_days",
                "/gate_encryption_key"
            ]
        );
    }

    #[test]
    fn fresh_seconds_may_not_exceed_valid_seconds() {
        let draft =
            KeyspaceDraft { name: Some("Demo".into()), valid_seconds: Some(60), ..Default::default() };
        assert_eq!(fields(&draft.check(FieldErrors::default()).unwrap_err()), ["/freshness/fresh_seconds"]);
    }
}
