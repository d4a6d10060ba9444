//! What a deployment sets: variables and secrets of the Worker, read once for each isolate.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use latchkey_snapshot::{Audience, Environment, Trust, TrustedKey, id};
use latchkey_token::Pepper;
use wasm_bindgen::JsValue;
use worker::{Env, Url};

use crate::control_plane::{Bearer, ControlPlane};
use crate::freshness::Pace;
use crate::protocol::MOST_WAIT_MS;
use crate::sources::r2::Prefix;
use crate::sources::url::SnapshotUrl;
use crate::upstream_credentials::GateKey;

const KEYSPACE: &str = "LATCHKEY_KEYSPACE";
const ENVIRONMENT: &str = "LATCHKEY_ENVIRONMENT";
const TRUSTED_KEYS: &str = "LATCHKEY_TRUSTED_KEYS";
const CREDENTIAL_HEADER: &str = "LATCHKEY_CREDENTIAL_HEADER";
const CLIENT_ADDRESS: &str = "LATCHKEY_CLIENT_ADDRESS_HEADER";
const TRUSTED_HOPS: &str = "LATCHKEY_TRUSTED_HOPS";
const REFRESH_AFTER: &str = "LATCHKEY_REFRESH_AFTER_MS";
const RELAY_WAIT: &str = "LATCHKEY_RELAY_WAIT_MS";
const PEPPERS: &str = "LATCHKEY_PEPPERS";
const CONTROL_PLANE_URL: &str = "LATCHKEY_CONTROL_PLANE_URL";
const GATE_KEY: &str = "LATCHKEY_GATE_KEY";
const USAGE_KEY: &str = "LATCHKEY_USAGE_KEY";
const SNAPSHOT_URL: &str = "LATCHKEY_SNAPSHOT_URL";
const SNAPSHOT_TOKEN: &str = "LATCHKEY_SNAPSHOT_TOKEN";
const R2_PREFIX: &str = "LATCHKEY_R2_PREFIX";
const UPSTREAM_URL: &str = "UPSTREAM_URL";
/// A service binding; outranks `UPSTREAM_URL`.
pub(crate) const UPSTREAM: &str = "UPSTREAM";

/// Milliseconds. Below the lower bound every request would refresh; above the upper one a revocation takes longer than is promised.
const REFRESH_AFTER_BOUNDS: std::ops::RangeInclusive<u32> = 100..=60_000;
const REFRESH_AFTER_DEFAULT: u32 = 2_000;
/// Milliseconds.
const RELAY_WAIT_DEFAULT: u32 = 2_000;
/// Where Cloudflare puts the client's address. A caller's own header of that name never arrives there.
pub(crate) const CLIENT_ADDRESS_HEADER: &str = "cf-connecting-ip";
/// Proxies between the client and the gate.
const TRUSTED_HOPS_BOUNDS: std::ops::RangeInclusive<usize> = 1..=8;
/// Keys of a rotation, with some room. Each costs a comparison for each signature.
const TRUSTED_KEYS_MAX: usize = 8;
/// Headers with a meaning of their own: removing them from the upstream request, as a credential is, would change the request.
const UNUSABLE_HEADERS: [&str; 6] =
    ["authorization", "content-length", "content-type", "cookie", "host", "transfer-encoding"];

/// A deployment's settings, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) trust: Trust,
    pub(crate) peppers: Vec<Pepper>,
    /// Lower case.
    pub(crate) credential_header: Option<String>,
    pub(crate) client_address: ClientAddress,
    /// The upstream's origin; `None` if there is a service binding for it.
    pub(crate) upstream: Option<String>,
    pub(crate) pace: Pace,
    /// Opens credentials for the upstream.
    pub(crate) gate_key: Option<GateKey>,
    /// Where a holder's revocation is handed on to.
    pub(crate) control_plane: Option<ControlPlane>,
    /// Where snapshots can be read besides the relay and KV.
    pub(crate) snapshot_url: Option<SnapshotUrl>,
    /// Where they stand in the R2 bucket, if there is a binding for one.
    pub(crate) r2_prefix: Prefix,
    /// Where usage is reported to; `None`: nothing is noted.
    pub(crate) usage: Option<UsageTarget>,
}

/// Where usage is reported to, and by whose leave.
#[derive(Debug)]
pub(crate) struct UsageTarget {
    pub(crate) control_plane: ControlPlane,
    pub(crate) key: Bearer,
}

/// Where a client's address stands.
#[derive(Debug)]
pub(crate) struct ClientAddress {
    /// Lower case.
    pub(crate) header: String,
    /// Which address of the header's list it is, counted from the right, from 1.
    pub(crate) hops: usize,
}

/// A setting that is missing or wrong. Never holds a secret's value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    variable: &'static str,
    message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.message)
    }
}

impl Config {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let has_upstream = env.service(UPSTREAM).is_ok();
        Self::parse(&|name| setting(env, name), has_upstream)
    }

    fn parse(
        setting: &dyn Fn(&'static str) -> Option<String>,
        has_upstream_binding: bool,
    ) -> Result<Self, ConfigError> {
        let required = |variable| setting(variable).ok_or_else(|| missing(variable));
        let audience = Audience {
            keyspace: keyspace(&required(KEYSPACE)?)?,
            environment: setting(ENVIRONMENT).map_or(Ok(Environment::Any), |text| environment(&text))?,
        };
        let upstream = match (has_upstream_binding, setting(UPSTREAM_URL)) {
            (true, _) => None,
            (false, Some(text)) => Some(origin(&text)?),
            (false, None) => return Err(missing(UPSTREAM_URL)),
        };
        let control_plane = setting(CONTROL_PLANE_URL).map(|text| control_plane(&text)).transpose()?;
        let usage = setting(USAGE_KEY).map(|key| usage_target(control_plane.clone(), key)).transpose()?;
        Ok(Self {
            trust: Trust::new(audience, trusted_keys(&required(TRUSTED_KEYS)?)?),
            peppers: setting(PEPPERS).map_or(Ok(Vec::new()), |text| peppers(&text))?,
            credential_header: setting(CREDENTIAL_HEADER)
                .map(|text| header_name(CREDENTIAL_HEADER, &text))
                .transpose()?,
            client_address: client_address(setting(CLIENT_ADDRESS), setting(TRUSTED_HOPS))?,
            upstream,
            pace: pace(setting(REFRESH_AFTER), setting(RELAY_WAIT))?,
            gate_key: setting(GATE_KEY).map(|text| gate_key(&text)).transpose()?,
            control_plane,
            snapshot_url: snapshot_url(setting(SNAPSHOT_URL), setting(SNAPSHOT_TOKEN))?,
            r2_prefix: setting(R2_PREFIX).map_or(Ok(Prefix::default()), |text| r2_prefix(&text))?,
            usage,
        })
    }
}

/// A variable or secret as text. Empty counts as absent, because wrangler.toml lists variables that are yet to be filled in.
fn setting(env: &Env, name: &'static str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    let text = value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()))?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn missing(variable: &'static str) -> ConfigError {
    ConfigError { variable, message: "is not set".into() }
}

fn bad(variable: &'static str, message: impl Into<String>) -> ConfigError {
    ConfigError { variable, message: message.into() }
}

fn keyspace(text: &str) -> Result<u64, ConfigError> {
    id::parse("ks", text).ok_or_else(|| bad(KEYSPACE, "must be a keyspace id: `ks_` and 13 characters"))
}

fn environment(text: &str) -> Result<Environment, ConfigError> {
    text.parse().map_err(|_| bad(ENVIRONMENT, "must be `any`, `test` or `live`"))
}

fn trusted_keys(text: &str) -> Result<Vec<TrustedKey>, ConfigError> {
    let keys: Vec<&str> = text.split(',').map(str::trim).filter(|key| !key.is_empty()).collect();
    if keys.is_empty() || keys.len() > TRUSTED_KEYS_MAX {
        return Err(bad(TRUSTED_KEYS, format!("must list 1 to {TRUSTED_KEYS_MAX} keys")));
    }
    keys.into_iter().enumerate().map(|(position, key)| trusted_key(position + 1, key)).collect()
}

fn trusted_key(position: usize, text: &str) -> Result<TrustedKey, ConfigError> {
    let fault = |message: &str| bad(TRUSTED_KEYS, format!("key {position}: {message}"));
    let key = text.strip_prefix("ed25519:").ok_or_else(|| fault("must start with `ed25519:`"))?;
    let encoded = key.split(';').next().unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = bytes.ok_or_else(|| fault("must be 32 bytes in base64url without padding"))?;
    TrustedKey::new(&bytes).map_err(|_| fault("is not a usable Ed25519 public key"))?;
    text.parse().map_err(|_| {
        fault("may be followed by `;not_before=` and `;not_after=`, each with seconds since 1970")
    })
}

fn peppers(text: &str) -> Result<Vec<Pepper>, ConfigError> {
    // The parser's own message would quote the secret.
    let map: BTreeMap<String, String> = serde_json::from_str(text)
        .map_err(|_| bad(PEPPERS, "must be a JSON object of version to base64, like {\"1\":\"…\"}"))?;
    map.iter().map(|(version, key)| pepper(version, key)).collect()
}

fn pepper(version: &str, key: &str) -> Result<Pepper, ConfigError> {
    let number = version.parse().ok().filter(|number| *number != 0);
    let number: u8 =
        number.ok_or_else(|| bad(PEPPERS, "has a version that is not a number from 1 to 255"))?;
    let bytes = STANDARD.decode(key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = bytes.ok_or_else(|| bad(PEPPERS, format!("version {number} must be 32 bytes in base64")))?;
    Ok(Pepper::new(number, &bytes))
}

fn header_name(variable: &'static str, text: &str) -> Result<String, ConfigError> {
    let name = text.to_ascii_lowercase();
    let is_token = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_token || name.len() > 64 {
        return Err(bad(variable, "must be a header name: letters, digits, `-` and `_`, at most 64"));
    }
    if UNUSABLE_HEADERS.contains(&name.as_str()) || name.starts_with("latchkey-") {
        return Err(bad(variable, format!("cannot be `{name}`")));
    }
    Ok(name)
}

fn client_address(header: Option<String>, hops: Option<String>) -> Result<ClientAddress, ConfigError> {
    let header = match (header, &hops) {
        (Some(text), _) => header_name(CLIENT_ADDRESS, &text)?,
        // Cloudflare's header holds one address, whatever stands in front of it.
        (None, Some(_)) => return Err(bad(TRUSTED_HOPS, format!("has no meaning without {CLIENT_ADDRESS}"))),
        (None, None) => CLIENT_ADDRESS_HEADER.to_owned(),
    };
    let hops =
        hops.map_or(Some(1), |text| text.parse().ok().filter(|hops| TRUSTED_HOPS_BOUNDS.contains(hops)));
    let hops = hops.ok_or_else(|| {
        let (low, high) = (TRUSTED_HOPS_BOUNDS.start(), TRUSTED_HOPS_BOUNDS.end());
        bad(TRUSTED_HOPS, format!("must be a whole number from {low} to {high}"))
    })?;
    Ok(ClientAddress { header, hops })
}

fn pace(refresh_after: Option<String>, relay_wait: Option<String>) -> Result<Pace, ConfigError> {
    let milliseconds = |variable, text: &str, (low, high)| {
        let number = text.parse().ok().filter(|number| (low..=high).contains(number));
        number.ok_or_else(|| {
            bad(variable, format!("must be a whole number of milliseconds from {low} to {high}"))
        })
    };
    let (low, high) = (*REFRESH_AFTER_BOUNDS.start(), *REFRESH_AFTER_BOUNDS.end());
    let interval = refresh_after
        .map_or(Ok(REFRESH_AFTER_DEFAULT), |text| milliseconds(REFRESH_AFTER, &text, (low, high)))?;
    // A question that waits for longer would hold up the news that nothing is new, and requests would refresh first.
    let wait = relay_wait.map_or(Ok(RELAY_WAIT_DEFAULT.min(interval)), |text| {
        milliseconds(RELAY_WAIT, &text, (0, MOST_WAIT_MS.min(interval)))
    })?;
    Ok(Pace { interval_ms: interval.into(), wait_ms: wait.into() })
}

fn gate_key(text: &str) -> Result<GateKey, ConfigError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let key = bytes.and_then(|bytes| GateKey::new(&bytes));
    key.ok_or_else(|| bad(GATE_KEY, "must be 32 bytes in base64url without padding"))
}

fn control_plane(text: &str) -> Result<ControlPlane, ConfigError> {
    ControlPlane::parse(text).map_err(|message| bad(CONTROL_PLANE_URL, message))
}

fn snapshot_url(url: Option<String>, token: Option<String>) -> Result<Option<SnapshotUrl>, ConfigError> {
    if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(bad(SNAPSHOT_TOKEN, "must be visible ASCII characters"));
    }
    match url {
        Some(url) => SnapshotUrl::parse(&url, token.map(Bearer::new))
            .map(Some)
            .map_err(|message| bad(SNAPSHOT_URL, message)),
        None if token.is_some() => Err(bad(SNAPSHOT_URL, "is needed for LATCHKEY_SNAPSHOT_TOKEN")),
        None => Ok(None),
    }
}

fn r2_prefix(text: &str) -> Result<Prefix, ConfigError> {
    Prefix::parse(text).map_err(|message| bad(R2_PREFIX, message))
}

fn usage_target(control_plane: Option<ControlPlane>, key: String) -> Result<UsageTarget, ConfigError> {
    let control_plane =
        control_plane.ok_or_else(|| bad(CONTROL_PLANE_URL, "is needed for LATCHKEY_USAGE_KEY"))?;
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad(USAGE_KEY, "must be an admin key with the scope usage:write"));
    }
    Ok(UsageTarget { control_plane, key: Bearer::new(key) })
}

/// Requests keep their own path, so a path here would be dropped silently.
fn origin(text: &str) -> Result<String, ConfigError> {
    let url =
        Url::parse(text).map_err(|_| bad(UPSTREAM_URL, "must be a URL such as https://api.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(UPSTREAM_URL, "must start with http:// or https://"));
    }
    let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    if has_more || !url.username().is_empty() || url.password().is_some() {
        return Err(bad(UPSTREAM_URL, "must be an origin: no path, query or credentials"));
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn parse(changes: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let mut settings = BTreeMap::from([
            (KEYSPACE, "ks_0000000000001".to_owned()),
            (TRUSTED_KEYS, KEY.to_owned()),
            (UPSTREAM_URL, "https://api.example.com/".to_owned()),
        ]);
        for (name, value) in changes {
            settings.insert(name, (*value).to_owned());
        }
        Config::parse(&|name| settings.get(name).filter(|value| !value.is_empty()).cloned(), false)
    }

    #[test]
    fn three_settings_suffice() {
        let config = parse(&[]).unwrap();
        assert_eq!(config.trust.audience().to_string(), "ks_0000000000001/any");
        assert_eq!(config.upstream.as_deref(), Some("https://api.example.com"));
        assert_eq!(config.pace, Pace { interval_ms: 2_000.0, wait_ms: 2_000.0 });
    }

    #[test]
    fn a_question_waits_no_longer_than_an_interval() {
        let wait = |settings: &[(&'static str, &str)]| parse(settings).map(|config| config.pace.wait_ms);
        assert_eq!(wait(&[(REFRESH_AFTER, "500")]), Ok(500.0));
        assert_eq!(wait(&[(REFRESH_AFTER, "60000")]), Ok(2_000.0));
        assert_eq!(wait(&[(REFRESH_AFTER, "60000"), (RELAY_WAIT, "10000")]), Ok(10_000.0));
        assert_eq!(wait(&[(RELAY_WAIT, "0")]), Ok(0.0));
        let error = wait(&[(REFRESH_AFTER, "500"), (RELAY_WAIT, "501")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "LATCHKEY_RELAY_WAIT_MS must be a whole number of milliseconds from 0 to 500"
        );
        assert_eq!(
            wait(&[(REFRESH_AFTER, "60000"), (RELAY_WAIT, "10001")]).unwrap_err().variable,
            RELAY_WAIT
        );
    }

    #[test]
    fn keys_may_be_limited_in_time() {
        let limited = format!("{KEY};not_before=1700000000, {KEY};not_after=1800000000;not_before=5");
        let config = parse(&[(TRUSTED_KEYS, &limited)]).unwrap();
        assert_eq!(config.trust.key_ids().count(), 2);
    }

    #[test]
    fn a_service_binding_needs_no_url() {
        let settings = BTreeMap::from([(KEYSPACE, "ks_0000000000001"), (TRUSTED_KEYS, KEY)]);
        let config = Config::parse(&|name| settings.get(name).map(|value| (*value).to_owned()), true);
        assert_eq!(config.unwrap().upstream, None);
    }

    #[test]
    fn every_bad_value_names_its_variable() {
        let rows: &[(&'static str, &[&str])] = &[
            (KEYSPACE, &["", "ks_1", "key_0000000000001"]),
            (ENVIRONMENT, &["production", "Live"]),
            (
                TRUSTED_KEYS,
                &[
                    "",
                    ",",
                    "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo;not_after=soon",
                    "ed25519:AAAA",
                    "rsa:AAAA",
                    "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                ],
            ),
            (CREDENTIAL_HEADER, &["Authorization", "x key", "Latchkey-Key-Id", "cookie"]),
            (CLIENT_ADDRESS, &["x forwarded", "authorization", "latchkey-address"]),
            (TRUSTED_HOPS, &["1"]),
            (REFRESH_AFTER, &["0", "99", "1.5", "soon", "60001"]),
            (RELAY_WAIT, &["-1", "1.5", "long", "2001"]),
            (PEPPERS, &["1", "{\"0\":\"AA==\"}", "{\"1\":\"AA==\"}", "{\"300\":\"\"}", "[]"]),
            (GATE_KEY, &["AAAA", "not base64!"]),
            (SNAPSHOT_URL, &["http://cdn.example.com", "cdn"]),
            (R2_PREFIX, &["two words", "ü"]),
            (CONTROL_PLANE_URL, &["http://latchkey.example.com", "latchkey"]),
            (
                UPSTREAM_URL,
                &["", "api.example.com", "ftp://a", "https://a/v1", "https://u:p@a", "https://a/?x"],
            ),
        ];
        for (variable, values) in rows {
            for value in *values {
                let error = parse(&[(variable, value)]).expect_err(value);
                assert_eq!(error.variable, *variable, "{value}");
            }
        }
    }

    #[test]
    fn the_clients_address_is_cloudflares_unless_another_header_is_named() {
        let of = |settings: &[(&'static str, &str)]| {
            parse(settings).map(|config| (config.client_address.header, config.client_address.hops))
        };
        assert_eq!(of(&[]), Ok((CLIENT_ADDRESS_HEADER.into(), 1)));
        let forwarded = (CLIENT_ADDRESS, "X-Forwarded-For");
        assert_eq!(of(&[forwarded]), Ok(("x-forwarded-for".into(), 1)));
        assert_eq!(of(&[forwarded, (TRUSTED_HOPS, "2")]), Ok(("x-forwarded-for".into(), 2)));
        for bad in ["0", "9", "-1", "two"] {
            assert_eq!(of(&[forwarded, (TRUSTED_HOPS, bad)]).unwrap_err().variable, TRUSTED_HOPS, "{bad}");
        }
    }

    #[test]
    fn usage_needs_a_place_to_go_to_and_its_key_is_never_quoted() {
        let at = [(CONTROL_PLANE_URL, "https://latchkey.example.com")];
        assert!(parse(&at).unwrap().usage.is_none());
        let config = parse(&[at[0], (USAGE_KEY, "lkadm_live_secret")]).unwrap();
        assert!(config.usage.is_some() && !format!("{config:?}").contains("secret"));
        assert_eq!(parse(&[(USAGE_KEY, "lkadm_live_secret")]).unwrap_err().variable, CONTROL_PLANE_URL);
        let error = parse(&[at[0], (USAGE_KEY, "two words")]).unwrap_err();
        assert!(error.variable == USAGE_KEY && !error.to_string().contains("two words"));
    }

    #[test]
    fn a_bad_pepper_is_not_quoted() {
        let error = parse(&[(PEPPERS, "{\"1\":\"c2VjcmV0\"}")]).unwrap_err();
        assert!(!error.to_string().contains("c2VjcmV0"));
    }
}
