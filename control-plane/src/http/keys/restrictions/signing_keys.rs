use axum::extract::State;
use axum::response::Response;
use ed25519_dalek::SigningKey as PrivateKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use rand::TryRng;
use rand::rngs::SysRng;
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::view::SigningKeyView;
use crate::app::App;
use crate::domain::restrictions::{SigningKey, check_public_key};
use crate::domain::{KeyId, RestrictionChange, SigningKeyId};
use crate::http::body::OptionalJsonBody;
use crate::http::caller::Caller;
use crate::http::params::{PathId, PathIds};
use crate::http::precondition::IfMatch;
use crate::http::problem::Failure;
use crate::http::reply;

/// Whose signatures are to be taken.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct SigningKeyInput {
    /// An Ed25519 public key, 32 bytes in base64url without padding. Absent: a pair is made, and its private half shown this once.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", pattern = "^[A-Za-z0-9_-]{43}$")]
    public_key: Option<String>,
}

/// A pair that may sign a key's requests.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct NewSigningKeyView<'a> {
    #[serde(flatten)]
    key: SigningKeyView,
    /// PKCS#8 in PEM. It is kept nowhere and shown this once; absent if the caller brought the public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
}

/// Let a pair sign a key's requests (RFC 9421, Ed25519).
///
/// Bring a public key of your own, or have a pair made. A key has at most 8.
#[utoipa::path(
    post,
    path = "/v1/keys/{key_id}/signing-keys",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    request_body(content = Option<SigningKeyInput>),
    responses(
        (status = 201, description = "Added. Signatures name it by its id.", body = NewSigningKeyView<'_>),
        (status = 409, description = "`SIGNING_KEY_TAKEN`, `TOO_MANY_SIGNING_KEYS`, `KEY_REVOKED` or `IDEMPOTENCY_IN_FLIGHT`."),
    )
)]
pub(in crate::http) async fn add_signing_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    IfMatch(expected): IfMatch,
    OptionalJsonBody(mut body): OptionalJsonBody,
) -> Result<Response, Failure> {
    let given = body.text("public_key").flatten();
    let mut errors = body.finish();
    let given = given.map(|text| errors.check("/public_key", check_public_key(&text)));
    errors.into_result()?;
    let (public_key, private_key) = match given.flatten() {
        Some(public_key) => (public_key, None),
        None => make_pair().map(|(public_key, pem)| (public_key, Some(pem)))?,
    };
    let signing_key = SigningKey { id: app.next_id(), public_key, created_at: app.now() };
    let view = SigningKeyView::of(&signing_key);
    let location = format!("/v1/keys/{id}/signing-keys/{}", signing_key.id);
    let change = RestrictionChange::AddSigningKey(signing_key);
    let changed = app.store.change_restrictions(&caller.actor(), id, expected, change, app.now()).await?;
    let view = NewSigningKeyView { key: view, private_key: private_key.as_ref().map(|pem| pem.as_str()) };
    Ok(reply::created(&location, changed.change_seq, view))
}

/// Take a key's requests signed by this pair no more.
#[utoipa::path(
    delete,
    path = "/v1/keys/{key_id}/signing-keys/{signing_key_id}",
    tag = "keys",
    params(
        ("key_id" = String, Path),
        ("signing_key_id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "the key's ETag")
    ),
    responses(
        (status = 204, description = "Deleted."),
        (status = 409, description = "`KEY_REVOKED`."),
    )
)]
pub(in crate::http) async fn delete_signing_key(
    caller: Caller,
    State(app): State<App>,
    PathIds(id, signing_key): PathIds<KeyId, SigningKeyId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Failure> {
    let change = RestrictionChange::RemoveSigningKey(signing_key);
    let changed = app.store.change_restrictions(&caller.actor(), id, expected, change, app.now()).await?;
    Ok(reply::gone(changed.change_seq))
}

/// A pair from the system's randomness: the public key, and the private one as PKCS#8 in PEM.
fn make_pair() -> Result<([u8; 32], Zeroizing<String>), Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    let made = SysRng.try_fill_bytes(seed.as_mut()).map_err(|_| Failure::Internal);
    made?;
    let pair = PrivateKey::from_bytes(&seed);
    let pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(|_| Failure::Internal)?;
    Ok((pair.verifying_key().to_bytes(), pem))
}
