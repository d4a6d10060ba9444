use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::{KeyspaceId, text};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::{reply, shapes};

/// Whose keys are revoked, and why.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RevokeOwnerInput {
    #[schema(value_type = shapes::Owner)]
    owner: String,
    /// Kept with each key and in the audit log: 1 to 1,000 characters.
    #[schema(value_type = shapes::Description)]
    reason: String,
}

/// What became of an owner's keys.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OwnerRevokedView {
    owner: String,
    /// How many keys were revoked now; those that had been revoked before do not count.
    keys_revoked: u64,
}

/// Revoke every key of an owner.
///
/// However many there are, gates hear of it in one small message. Each key can be restored by itself, as after a single revocation; keys
/// that the owner gets later work.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/owners:revoke",
    tag = "keys",
    params(("keyspace_id" = String, Path)),
    request_body = RevokeOwnerInput,
    responses((status = 200, description = "How many keys were revoked.", body = OwnerRevokedView))
)]
pub(in crate::http) async fn revoke_owner(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let (owner, reason) = (body.text("owner").flatten(), body.reason());
    let mut errors = body.finish();
    let owner = owner.and_then(|owner| errors.check("/owner", text::owner(owner)));
    let owner = errors.required("/owner", owner);
    errors.into_result()?;
    let owner = owner.unwrap_or_default();
    let revoked = app.store.revoke_owner(&caller.actor(), id, owner.clone(), reason, app.now()).await?;
    let view = OwnerRevokedView { owner, keys_revoked: revoked.value };
    Ok(reply::changed(revoked.change_seq, view))
}
