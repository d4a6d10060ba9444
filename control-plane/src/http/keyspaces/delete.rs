use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply;
use crate::storage::DeleteMode;

/// Delete a keyspace.
///
/// Its gates are told that every key in it is revoked. Without `force` it is refused while keys in it still work.
#[utoipa::path(
    delete,
    path = "/v1/keyspaces/{keyspace_id}",
    tag = "keyspaces",
    params(
        ("keyspace_id" = String, Path),
        ("force" = Option<bool>, Query, description = "revoke the keys that still work"),
    ),
    responses(
        (status = 204, description = "Deleted."),
        (status = 409, description = "It has keys that work: `KEYSPACE_IN_USE`."),
    )
)]
pub(in crate::http) async fn delete_keyspace(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Response, Failure> {
    let mode =
        if params.flag("force") { DeleteMode::RevokeLiveKeys } else { DeleteMode::OnlyWithoutLiveKeys };
    params.finish()?;
    let deleted = app.store.delete_keyspace(&caller.actor(), id, mode, app.now()).await?;
    Ok(reply::gone(deleted.change_seq))
}
