//! Sinks: where snapshots are written to, beside the gates that they are pushed to, so that gates can read them there. Their secrets
//! stand in none of these types but [`SinkSecret`]: at rest they are sealed under the master key.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::FieldErrors;

/// Sinks of one keyspace: each is written to for itself.
pub const MAX_SINKS: usize = 8;
/// Cloudflare's API.
pub const CLOUDFLARE_API: &str = "https://api.cloudflare.com/client/v4";
const DEFAULT_REGION: &str = "us-east-1";
const MAX_URL_BYTES: usize = 512;
/// The key of a service account is a JSON document with a private key in it.
const MAX_SECRET_BYTES: usize = 8_192;

/// A place that snapshots are written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sink {
    /// What people call it; unique in the keyspace.
    pub name: String,
    /// Where it is.
    pub target: SinkTarget,
}

/// Where a sink is, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum SinkTarget {
    /// A namespace of Workers KV, through Cloudflare's API. Its secret is an API token.
    Kv {
        /// The account, 32 hexadecimal digits.
        account_id: String,
        /// The namespace, 32 hexadecimal digits.
        namespace_id: String,
        /// The API's address.
        api_base: String,
    },
    /// A bucket of Amazon S3 or something that speaks its API, such as Cloudflare R2. Its secret is the secret access key.
    S3 {
        /// The bucket.
        bucket: String,
        /// What stands before the names of objects; empty: nothing.
        prefix: String,
        /// The region that requests are signed for.
        region: String,
        /// The address; `None`: Amazon's own.
        endpoint: Option<String>,
        /// The public half of the credentials.
        access_key_id: String,
    },
    /// A bucket of Google Cloud Storage. Its secret is the JSON key of a service account.
    Gcs {
        /// The bucket.
        bucket: String,
        /// What stands before the names of objects; empty: nothing.
        prefix: String,
    },
    /// A folder of the control plane's machine. Has no secret.
    Folder {
        /// An absolute path.
        path: String,
    },
}

impl SinkTarget {
    /// The name of its type.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Kv { .. } => "kv",
            Self::S3 { .. } => "s3",
            Self::Gcs { .. } => "gcs",
            Self::Folder { .. } => "folder",
        }
    }

    /// Whether nothing can be written without a secret.
    pub const fn needs_secret(&self) -> bool {
        !matches!(self, Self::Folder { .. })
    }
}

/// A sink with what is kept of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSetting {
    /// The sink.
    pub sink: Sink,
    /// The secret, sealed; `None`: the one that the sink has.
    pub sealed: Option<Vec<u8>>,
}

/// A secret on its way to being sealed. It cannot be printed, and is wiped when dropped.
pub struct SinkSecret(Zeroizing<String>);

impl SinkSecret {
    /// Takes a text as a secret, whatever is wrong with it.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The bytes, for sealing.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn check(&self, kind: &str) -> Result<(), &'static str> {
        let is_short = (1..=MAX_SECRET_BYTES).contains(&self.0.len());
        if kind == "gcs" {
            let is_object = serde_json::from_str::<Value>(&self.0).is_ok_and(|key| key.is_object());
            return if is_short && is_object {
                Ok(())
            } else {
                Err("must be the JSON key of a service account")
            };
        }
        let is_visible = self.0.bytes().all(|byte| byte.is_ascii_graphic());
        if is_short && is_visible { Ok(()) } else { Err("must have 1 to 8192 visible ASCII characters") }
    }
}

impl std::fmt::Debug for SinkSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SinkSecret([hidden])")
    }
}

/// What a caller wants of a sink. Which fields there may be depends on `kind`.
#[derive(Debug, Default)]
pub struct SinkDraft {
    /// Required: kv, s3, gcs or folder.
    pub kind: Option<String>,
    /// Required.
    pub name: Option<String>,
    /// Of `kv`.
    pub account_id: Option<String>,
    /// Of `kv`.
    pub namespace_id: Option<String>,
    /// Of `kv`; default [`CLOUDFLARE_API`].
    pub api_base: Option<String>,
    /// Of `s3` and `gcs`.
    pub bucket: Option<String>,
    /// Of `s3` and `gcs`; default none.
    pub prefix: Option<String>,
    /// Of `s3`; default `us-east-1`.
    pub region: Option<String>,
    /// Of `s3`; default Amazon's own.
    pub endpoint: Option<String>,
    /// Of `s3`.
    pub access_key_id: Option<String>,
    /// Of `folder`.
    pub path: Option<String>,
    /// Of all but `folder`; absent: the one that the sink has.
    pub secret: Option<SinkSecret>,
}

/// Checks a list of sinks.
pub fn check_all(drafts: Vec<SinkDraft>, errors: &mut FieldErrors) -> Vec<(Sink, Option<SinkSecret>)> {
    if drafts.len() > MAX_SINKS {
        errors.add("/sinks", format!("must have at most {MAX_SINKS} entries"));
        return Vec::new();
    }
    let mut sinks: Vec<(Sink, Option<SinkSecret>)> = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        let mut check = Check { place: format!("/sinks/{at}"), errors };
        let Some((sink, secret)) = draft.check(&mut check) else { continue };
        if sinks.iter().any(|(other, _)| other.name == sink.name) {
            check.refuse("name", "stands in the list twice");
        } else {
            sinks.push((sink, secret));
        }
    }
    sinks
}

impl SinkDraft {
    fn check(mut self, check: &mut Check<'_>) -> Option<(Sink, Option<SinkSecret>)> {
        let name = check.required("name", self.name.take(), sink_name);
        let kind = check.required("type", self.kind.take(), known_kind);
        let kind = kind?;
        let secret = self.secret.take();
        let target = match kind.as_str() {
            "kv" => self.kv(check),
            "s3" => self.s3(check),
            "gcs" => self.gcs(check),
            _ => self.folder(check),
        };
        self.refuse_rest(&kind, check);
        match &secret {
            Some(_) if kind == "folder" => check.refuse("secret", "is not a field of a folder sink"),
            Some(secret) => drop(check.errors.check(check.field("secret"), secret.check(&kind))),
            None => {}
        }
        Some((Sink { name: name?, target: target? }, secret))
    }

    fn kv(&mut self, check: &mut Check<'_>) -> Option<SinkTarget> {
        let account_id = check.required("account_id", self.account_id.take(), hex_id);
        let namespace_id = check.required("namespace_id", self.namespace_id.take(), hex_id);
        let api_base = self.api_base.take().unwrap_or_else(|| CLOUDFLARE_API.to_owned());
        let api_base = check.required("api_base", Some(api_base), service_url);
        Some(SinkTarget::Kv { account_id: account_id?, namespace_id: namespace_id?, api_base: api_base? })
    }

    fn s3(&mut self, check: &mut Check<'_>) -> Option<SinkTarget> {
        let bucket = check.required("bucket", self.bucket.take(), bucket_name);
        let prefix = check.required("prefix", Some(self.prefix.take().unwrap_or_default()), object_prefix);
        let region = self.region.take().unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let region = check.required("region", Some(region), region_name);
        let endpoint = match self.endpoint.take() {
            Some(endpoint) => Some(check.required("endpoint", Some(endpoint), service_url)?),
            None => None,
        };
        let access_key_id = check.required("access_key_id", self.access_key_id.take(), access_key);
        Some(SinkTarget::S3 {
            bucket: bucket?,
            prefix: prefix?,
            region: region?,
            endpoint,
            access_key_id: access_key_id?,
        })
    }

    fn gcs(&mut self, check: &mut Check<'_>) -> Option<SinkTarget> {
        let bucket = check.required("bucket", self.bucket.take(), bucket_name);
        let prefix = check.required("prefix", Some(self.prefix.take().unwrap_or_default()), object_prefix);
        Some(SinkTarget::Gcs { bucket: bucket?, prefix: prefix? })
    }

    fn folder(&mut self, check: &mut Check<'_>) -> Option<SinkTarget> {
        Some(SinkTarget::Folder { path: check.required("path", self.path.take(), folder_path)? })
    }

    /// What the type has not taken belongs to another one.
    fn refuse_rest(&self, kind: &str, check: &mut Check<'_>) {
        let rest = [
            ("account_id", &self.account_id),
            ("namespace_id", &self.namespace_id),
            ("api_base", &self.api_base),
            ("bucket", &self.bucket),
            ("prefix", &self.prefix),
            ("region", &self.region),
            ("endpoint", &self.endpoint),
            ("access_key_id", &self.access_key_id),
            ("path", &self.path),
        ];
        for (field, _) in rest.into_iter().filter(|(_, value)| value.is_some()) {
            check.refuse(field, &format!("is not a field of a {kind} sink"));
        }
    }
}

/// Notes what is wrong with the fields of one sink.
struct Check<'a> {
    place: String,
    errors: &'a mut FieldErrors,
}

impl Check<'_> {
    fn field(&self, name: &str) -> String {
        format!("{}/{name}", self.place)
    }

    fn refuse(&mut self, field: &str, message: &str) {
        self.errors.add(self.field(field), message);
    }

    fn required(
        &mut self,
        field: &str,
        value: Option<String>,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Option<String> {
        let field = self.field(field);
        let value = self.errors.required(&field, value)?;
        self.errors.check(field, check(&value))?;
        Some(value)
    }
}

fn sink_name(text: &str) -> Result<(), &'static str> {
    let fits =
        matches(text, 1..=32, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits { Ok(()) } else { Err("must have 1 to 32 small letters, digits or hyphens") }
}

fn known_kind(text: &str) -> Result<(), &'static str> {
    let is_known = ["kv", "s3", "gcs", "folder"].contains(&text);
    if is_known { Ok(()) } else { Err("must be kv, s3, gcs or folder") }
}

fn hex_id(text: &str) -> Result<(), &'static str> {
    let fits = matches(text, 32..=32, |byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if fits { Ok(()) } else { Err("must be 32 hexadecimal digits in small letters") }
}

fn bucket_name(text: &str) -> Result<(), &'static str> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let ends = [text.as_bytes().first(), text.as_bytes().last()];
    let ends_well = ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric));
    if matches(text, 3..=63, inner) && ends_well {
        Ok(())
    } else {
        Err("must be the name of a bucket: 3 to 63 small letters, digits, dots, hyphens or underscores")
    }
}

fn object_prefix(text: &str) -> Result<(), &'static str> {
    let part = |part: &str| {
        matches(part, 1..=200, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && part != "."
            && part != ".."
    };
    if text.is_empty() || (text.len() <= 200 && text.split('/').all(part)) {
        Ok(())
    } else {
        Err(
            "must be words of letters, digits, dots, hyphens and underscores with single slashes between them, at most 200 bytes",
        )
    }
}

fn region_name(text: &str) -> Result<(), &'static str> {
    let fits =
        matches(text, 1..=32, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits { Ok(()) } else { Err("must have 1 to 32 small letters, digits or hyphens") }
}

fn access_key(text: &str) -> Result<(), &'static str> {
    let fits = matches(text, 1..=128, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if fits { Ok(()) } else { Err("must have 1 to 128 letters, digits, dots, hyphens or underscores") }
}

fn folder_path(text: &str) -> Result<(), &'static str> {
    let path = std::path::Path::new(text);
    // `components` drops single dots by itself.
    let is_plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    let is_text = text.len() <= MAX_URL_BYTES && !text.chars().any(char::is_control);
    if path.is_absolute() && is_plain && is_text {
        Ok(())
    } else {
        Err("must be an absolute path without `..`, at most 512 bytes")
    }
}

/// Secrets go there: only encrypted, unless it is this machine.
fn service_url(text: &str) -> Result<(), &'static str> {
    const WANTED: &str = "must be an https:// address (http:// only of this machine) without query or credentials, at most 512 bytes";
    let url = reqwest::Url::parse(text).map_err(|_| WANTED)?;
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here);
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_whole = url.query().is_none() && url.fragment().is_none() && !text.ends_with('/');
    if is_safe && is_plain && is_whole && text.len() <= MAX_URL_BYTES { Ok(()) } else { Err(WANTED) }
}

fn matches(text: &str, length: std::ops::RangeInclusive<usize>, byte: impl Fn(u8) -> bool) -> bool {
    length.contains(&text.len()) && text.bytes().all(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv() -> SinkDraft {
        SinkDraft {
            kind: Some("kv".into()),
            name: Some("edge".into()),
            account_id: Some("0123456789abcdef".repeat(2)),
            namespace_id: Some("fedcba9876543210".repeat(2)),
            secret: Some(SinkSecret::new("cf-token".into())),
            ..SinkDraft::default()
        }
    }

    fn s3() -> SinkDraft {
        SinkDraft {
            kind: Some("s3".into()),
            name: Some("bucket".into()),
            bucket: Some("snapshots".into()),
            access_key_id: Some("AKIA1".into()),
            secret: Some(SinkSecret::new("s3cret".into())),
            ..SinkDraft::default()
        }
    }

    fn wrong(draft: SinkDraft) -> Vec<String> {
        let mut errors = FieldErrors::default();
        check_all(vec![draft], &mut errors);
        errors.iter().map(|error| error.field.clone()).collect()
    }

    #[test]
    fn what_is_needed_suffices_and_the_rest_has_defaults() {
        let mut errors = FieldErrors::default();
        let sinks = check_all(vec![kv(), s3()], &mut errors);
        assert!(errors.is_empty(), "{errors}");
        assert!(matches!(&sinks[0].0.target, SinkTarget::Kv { api_base, .. } if api_base == CLOUDFLARE_API));
        assert!(
            matches!(&sinks[1].0.target, SinkTarget::S3 { endpoint: None, prefix, .. } if prefix.is_empty())
        );
        assert!(!format!("{sinks:?}").contains("s3cret"));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let of = |change: fn(&mut SinkDraft)| {
            let mut draft = s3();
            change(&mut draft);
            wrong(draft)
        };
        assert_eq!(of(|draft| draft.kind = Some("ftp".into())), ["/sinks/0/type"]);
        assert_eq!(of(|draft| draft.name = Some("A b".into())), ["/sinks/0/name"]);
        assert_eq!(of(|draft| draft.bucket = None), ["/sinks/0/bucket"]);
        for prefix in ["/a", "a/", "a//b", "../b", "a/./b"] {
            let draft = SinkDraft { prefix: Some(prefix.into()), ..s3() };
            assert_eq!(wrong(draft), ["/sinks/0/prefix"], "{prefix}");
        }
        assert_eq!(of(|draft| draft.account_id = Some("1".into())), ["/sinks/0/account_id"]);
        assert_eq!(of(|draft| draft.secret = Some(SinkSecret::new(String::new()))), ["/sinks/0/secret"]);
        let folder = |path: &str| SinkDraft {
            kind: Some("folder".into()),
            name: Some("disk".into()),
            path: Some(path.into()),
            ..SinkDraft::default()
        };
        assert!(wrong(folder("/var/lib/snapshots")).is_empty());
        for path in ["relative", "/var/../etc", ""] {
            assert_eq!(wrong(folder(path)), ["/sinks/0/path"], "{path}");
        }
        let secret = Some(SinkSecret::new("x".into()));
        assert_eq!(wrong(SinkDraft { secret, ..folder("/var") }), ["/sinks/0/secret"]);
    }

    #[test]
    fn secrets_travel_unencrypted_to_this_machine_alone() {
        for (url, is_good) in [
            ("https://account.r2.cloudflarestorage.com", true),
            ("http://127.0.0.1:9000", true),
            ("http://10.0.0.1:9000", false),
            ("http://127.0.0.1.example.com", false),
            ("https://user:password@example.com", false),
            ("https://example.com/?a=b", false),
            ("ftp://example.com", false),
            ("https://example.com/", false),
        ] {
            assert_eq!(service_url(url).is_ok(), is_good, "{url}");
        }
    }

    #[test]
    fn a_name_stands_in_the_list_once() {
        let mut errors = FieldErrors::default();
        let sinks = check_all(vec![s3(), s3()], &mut errors);
        assert_eq!(sinks.len(), 1);
        assert_eq!(errors.iter().next().map(|error| error.field.as_str()), Some("/sinks/1/name"));
    }
}
