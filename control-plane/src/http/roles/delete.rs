use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::domain::{KeyspaceId, RoleId};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathIds};
use crate::http::problem::Failure;
use crate::http::reply;
use crate::storage::RoleDeleteMode;

/// Delete a role.
///
/// Refused while keys have it, naming them; with `force` they lose it. A role that is made later under the same name is another
/// one, and no key has it.
#[utoipa::path(
    delete,
    path = "/v1/keyspaces/{keyspace_id}/roles/{role_id}",
    tag = "roles",
    params(
        ("keyspace_id" = String, Path),
        ("role_id" = String, Path),
        ("force" = Option<bool>, Query, description = "take it from the keys that have it"),
    ),
    responses(
        (status = 204, description = "Deleted."),
        (status = 409, description = "Keys have it: `ROLE_IN_USE`."),
    )
)]
pub(in crate::http) async fn delete_role(
    caller: Caller,
    State(app): State<App>,
    PathIds(keyspace, role): PathIds<KeyspaceId, RoleId>,
    mut params: Params,
) -> Result<Response, Failure> {
    let mode = if params.flag("force") { RoleDeleteMode::TakeFromKeys } else { RoleDeleteMode::OnlyUnused };
    params.finish()?;
    let deleted = app.store.delete_role(&caller.actor(), keyspace, role, mode, app.now()).await?;
    Ok(reply::gone(deleted.change_seq))
}
