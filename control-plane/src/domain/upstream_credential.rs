//! Credentials that gates add to requests, so that callers need not have them. Their values stand in none of these types: at rest
//! they are sealed under the master key, and for the gates by a public key whose private half only gates have.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem};
use latchkey_snapshot::limits;
use latchkey_snapshot::names::{is_credential_name, is_header_name};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{FieldErrors, KeyspaceId, Timestamp, UpstreamCredentialId};

/// Credentials of one keyspace.
pub const MAX_UPSTREAM_CREDENTIALS: usize = limits::UPSTREAM_CREDENTIALS;
/// Room for any token that a header can carry, and for what sealing adds.
const MAX_VALUE_BYTES: usize = 2_048;
/// What sealing adds: an encapsulated key and an authentication tag.
const SEALING_BYTES: usize = 32 + 16;
const DEFAULT_HEADER: &str = "authorization";
const DEFAULT_PREFIX_OF_AUTHORIZATION: &str = "Bearer ";
/// Headers that say where a request goes or how it is framed; a credential there would change the request itself.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The X25519 public key of a keyspace's gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateEncryptionKey(pub [u8; 32]);

impl GateEncryptionKey {
    /// Reads 32 bytes in base64url without padding.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it. It repeats nothing: the private key may stand where the public one belongs.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or("must be an X25519 public key: 32 bytes in base64url without padding")?;
        if shares_no_secret(&bytes) {
            return Err("must not be a point of small order: everybody could open what is sealed by it");
        }
        Ok(Self(bytes))
    }
}

/// A point of small order gives the same secret with every key, and agreeing on it fails.
fn shares_no_secret(point: &[u8; 32]) -> bool {
    let (private_key, _) = X25519HkdfSha256::derive_keypair(b"any key will do: it is thrown away");
    let point = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(point);
    point.and_then(|point| X25519HkdfSha256::decap(&private_key, None, &point)).is_err()
}

impl std::fmt::Display for GateEncryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for GateEncryptionKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A credential, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamCredential {
    /// Its id.
    pub id: UpstreamCredentialId,
    /// Where it belongs.
    pub keyspace_id: KeyspaceId,
    /// By which routes refer to it.
    pub name: String,
    /// The header that it goes into, in lower case.
    pub header: String,
    /// What stands before it in the header.
    pub prefix: String,
    /// How long the value is.
    pub value_bytes: usize,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A value on its way to being sealed. It cannot be printed, and is wiped when dropped.
pub struct CredentialValue(Zeroizing<String>);

impl CredentialValue {
    /// Takes a text as a value, whatever is wrong with it.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The bytes, for sealing.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn check(&self) -> Result<(), String> {
        let visible = self.0.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if (1..=MAX_VALUE_BYTES).contains(&self.0.len()) && visible && self.0.trim() == self.0.as_str() {
            return Ok(());
        }
        Err(format!(
            "must have 1 to {MAX_VALUE_BYTES} visible ASCII characters, with spaces only between them"
        ))
    }
}

impl std::fmt::Debug for CredentialValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialValue([hidden])")
    }
}

/// What a caller wants of a new credential.
#[derive(Debug, Default)]
pub struct UpstreamCredentialDraft {
    /// Required.
    pub name: Option<String>,
    /// Default `authorization`.
    pub header: Option<String>,
    /// Default `Bearer ` in `authorization`, else nothing.
    pub prefix: Option<String>,
    /// Required.
    pub value: Option<CredentialValue>,
}

/// What a caller wants changed: absent fields stay, `Some(None)` goes back to the default.
#[derive(Debug, Default)]
pub struct UpstreamCredentialPatch {
    /// See [`UpstreamCredentialDraft::header`].
    pub header: Option<Option<String>>,
    /// See [`UpstreamCredentialDraft::prefix`].
    pub prefix: Option<Option<String>>,
    /// Has no default.
    pub value: Option<Option<CredentialValue>>,
}

/// The settings of a credential, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamCredentialSettings {
    /// See [`UpstreamCredential::name`].
    pub name: String,
    /// See [`UpstreamCredential::header`].
    pub header: String,
    /// See [`UpstreamCredential::prefix`].
    pub prefix: String,
}

impl UpstreamCredentialDraft {
    /// Checks every field. `errors` holds what was wrong before this point.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(
        self,
        mut errors: FieldErrors,
    ) -> Result<(UpstreamCredentialSettings, CredentialValue), FieldErrors> {
        let name = errors.required("/name", self.name).unwrap_or_default();
        if !errors.names("/name") && !is_credential_name(&name) {
            errors.add("/name", "must have 1 to 64 letters, digits or characters of _.-");
        }
        let (header, prefix) = check_place(self.header, self.prefix, &mut errors);
        let value = errors.required("/value", self.value);
        if let Some(value) = &value {
            errors.check("/value", value.check());
        }
        match value {
            Some(value) if errors.is_empty() => {
                Ok((UpstreamCredentialSettings { name, header, prefix }, value))
            }
            _ => Err(errors),
        }
    }
}

impl UpstreamCredentialPatch {
    /// Lays the patch over a credential's settings and checks the result.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn apply(
        self,
        old: &UpstreamCredential,
        mut errors: FieldErrors,
    ) -> Result<(UpstreamCredentialSettings, Option<CredentialValue>), FieldErrors> {
        let header = self.header.unwrap_or_else(|| Some(old.header.clone()));
        let prefix = self.prefix.unwrap_or_else(|| Some(old.prefix.clone()));
        let (header, prefix) = check_place(header, prefix, &mut errors);
        let value = match self.value {
            Some(None) => {
                errors.add("/value", "must not be null: a credential keeps a value");
                None
            }
            value => value.flatten(),
        };
        if let Some(value) = &value {
            errors.check("/value", value.check());
        }
        let name = old.name.clone();
        errors.into_result().map(|()| (UpstreamCredentialSettings { name, header, prefix }, value))
    }
}

fn check_place(header: Option<String>, prefix: Option<String>, errors: &mut FieldErrors) -> (String, String) {
    let header = header.unwrap_or_else(|| DEFAULT_HEADER.to_owned());
    if !is_header_name(&header) {
        errors.add("/header", "must be a header's name in lower case, of at most 64 characters");
    } else if FRAMING.contains(&header.as_str()) || header.starts_with("latchkey-") {
        errors.add("/header", "must not be a header that frames requests or that gates set themselves");
    }
    let prefix = prefix.unwrap_or_else(|| match header.as_str() {
        DEFAULT_HEADER => DEFAULT_PREFIX_OF_AUTHORIZATION.to_owned(),
        _ => String::new(),
    });
    let visible = prefix.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if !visible || prefix.len() > limits::VALUE_PREFIX_BYTES {
        let most = limits::VALUE_PREFIX_BYTES;
        errors.add("/prefix", format!("must have at most {most} visible ASCII characters and spaces"));
    }
    (header, prefix)
}

impl UpstreamCredential {
    /// What the audit log keeps.
    pub fn audit_view(&self) -> Value {
        json!({
            "id": self.id,
            "keyspace_id": self.keyspace_id,
            "name": self.name,
            "header": self.header,
            "prefix": self.prefix,
        })
    }

    /// The credential in the form in which gates get it, with room for the sealed value in place of it.
    pub fn outline(&self) -> latchkey_snapshot::UpstreamCredential {
        latchkey_snapshot::UpstreamCredential {
            name: self.name.clone(),
            header: self.header.clone(),
            value_prefix: self.prefix.clone(),
            sealed: vec![0; self.value_bytes + SEALING_BYTES],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str, value: &str) -> UpstreamCredentialDraft {
        UpstreamCredentialDraft {
            name: Some(name.into()),
            value: Some(CredentialValue::new(value.into())),
            ..Default::default()
        }
    }

    #[test]
    fn everything_wrong_is_named_and_no_value_is_repeated() {
        let (settings, _) = draft("a", "s3cret").check(FieldErrors::default()).unwrap();
        assert_eq!((settings.header.as_str(), settings.prefix.as_str()), ("authorization", "Bearer "));
        let own = UpstreamCredentialDraft { header: Some("x-api-key".into()), ..draft("a", "s3cret") };
        assert_eq!(own.check(FieldErrors::default()).unwrap().0.prefix, "");
        for (header, value, wanted) in [
            ("x-a", "hunter2\n", "/value"),
            ("x-a", " hunter2", "/value"),
            ("x-a", "", "/value"),
            ("X-A", "hunter2", "/header"),
            ("host", "hunter2", "/header"),
            ("latchkey-owner", "hunter2", "/header"),
        ] {
            let draft = UpstreamCredentialDraft { header: Some(header.into()), ..draft("a", value) };
            let errors = draft.check(FieldErrors::default()).unwrap_err();
            assert_eq!(errors.iter().next().unwrap().field, wanted);
            assert!(!errors.to_string().contains("hunter2"));
        }
        assert!(draft("a b", "x").check(FieldErrors::default()).is_err());
        assert!(!format!("{:?}", draft("a", "hunter2")).contains("hunter2"));
    }

    #[test]
    fn a_gate_key_by_which_anybody_could_open_is_refused() {
        let good = "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08";
        assert_eq!(GateEncryptionKey::parse(good).unwrap().to_string(), good);
        let one = [&[1][..], &[0; 31]].concat();
        for small in [vec![0; 32], one] {
            assert!(GateEncryptionKey::parse(&URL_SAFE_NO_PAD.encode(small)).is_err());
        }
        assert!(GateEncryptionKey::parse(&good[1..]).is_err());
    }
}
