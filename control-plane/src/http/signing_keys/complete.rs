use axum::extract::State;
use axum::response::Response;

use super::HeadKeysView;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Give up the old key of a rotation.
///
/// From now on only the new key signs, and the private half of the old one is deleted. Gates that do not trust the new one refuse
/// what is published from now on; their status pages list the ids of the keys that they trust.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/signing-keys:complete",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    responses(
        (status = 200, description = "The keys after the change.", body = HeadKeysView),
        (status = 409, description = "No key is taking over: `NOT_ROTATING`."),
    )
)]
pub(in crate::http) async fn complete_head_key_rotation(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
) -> Result<Response, Failure> {
    let now = app.now();
    let done = app.store.complete_head_key_rotation(&caller.actor(), keyspace, now).await?;
    Ok(reply::changed(done.change_seq, HeadKeysView::of(&done.value, now)))
}
