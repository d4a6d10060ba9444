use axum::extract::State;
use axum::response::Response;

use super::restrictions::restrictions;
use super::view::{KeyPatchInput, KeyView, changed_key};
use crate::app::App;
use crate::domain::{KeyId, KeyPatch};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::params::PathId;
use crate::http::precondition::IfMatch;
use crate::http::problem::Failure;

/// Change a key (JSON merge patch, RFC 7396).
#[utoipa::path(
    patch,
    path = "/v1/keys/{key_id}",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    request_body(content = KeyPatchInput, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The key after the change.", body = KeyView),
        (status = 409, description = "`NAME_TAKEN`, `KEY_QUOTA_REACHED` or `KEY_REVOKED`."),
    )
)]
pub(in crate::http) async fn update_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    IfMatch(expected): IfMatch,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let patch = patch(&mut body);
    body.finish().into_result()?;
    let now = app.now();
    let changed = app.store.update_key(&caller.actor(), id, expected, patch, now).await?;
    Ok(changed_key(changed, now))
}

/// The fields of a patch.
pub(super) fn patch(body: &mut Fields) -> KeyPatch {
    KeyPatch {
        name: body.text("name"),
        description: body.text("description"),
        owner: body.text("owner"),
        tags: body.texts("tags"),
        metadata: body.object("metadata"),
        enabled: body.flag("enabled"),
        expires_at: body.text("expires_at"),
        permissions: body.texts("permissions"),
        roles: body.texts("roles"),
        restrictions: restrictions(body),
    }
}
