use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::{HeadKeysView, make};
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::{reply, shapes};

/// What an emergency replacement asks for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct ReplaceHeadKeyInput {
    /// The keyspace's id once more: this stops every gate from taking news until it is set up anew.
    #[schema(value_type = shapes::KeyspaceId)]
    confirm: String,
    /// Why, for the audit log.
    #[schema(value_type = shapes::GraveReason)]
    reason: String,
}

/// Replace the key that signs a keyspace's heads at once, because it is in the wrong hands.
///
/// The old key, and one that was taking over from it, sign nothing any more. No gate takes anything new until its setting
/// `LATCHKEY_TRUSTED_KEYS` lists the new key alone; until then it goes on from what it has, also with what whoever has the old key sends it.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/signing-keys:replace",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body = ReplaceHeadKeyInput,
    responses((status = 200, description = "The keys after the change.", body = HeadKeysView))
)]
pub(in crate::http) async fn replace_head_key(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    body.confirm(keyspace);
    let reason = body.reason();
    let errors = body.finish();
    app.store.keyspace(caller.workspace(), keyspace).await?;
    errors.into_result()?;
    let key = make(&app, keyspace)?;
    let now = app.now();
    let done = app.store.replace_head_key(&caller.actor(), keyspace, key, reason, now).await?;
    Ok(reply::changed(done.change_seq, HeadKeysView::of(&done.value, now)))
}
