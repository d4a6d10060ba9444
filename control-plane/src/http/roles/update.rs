use axum::extract::State;
use axum::response::Response;

use super::view::{RolePatchInput, RoleView};
use crate::app::App;
use crate::domain::role::RolePatch;
use crate::domain::{KeyspaceId, RoleId};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathIds;
use crate::http::problem::Failure;
use crate::http::reply;

/// Change a role (JSON merge patch, RFC 7396).
///
/// Every key that has it may do what it then grants as soon as gates have the change.
#[utoipa::path(
    patch,
    path = "/v1/keyspaces/{keyspace_id}/roles/{role_id}",
    tag = "roles",
    params(("keyspace_id" = String, Path), ("role_id" = String, Path)),
    request_body(content = RolePatchInput, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The role after the change.", body = RoleView),
        (status = 409, description = "`NAME_TAKEN`."),
    )
)]
pub(in crate::http) async fn update_role(
    caller: Caller,
    State(app): State<App>,
    PathIds(keyspace, role): PathIds<KeyspaceId, RoleId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let patch = RolePatch {
        name: body.text("name"),
        description: body.text("description"),
        grants: body.texts("grants"),
    };
    body.finish().into_result()?;
    let changed = app.store.update_role(&caller.actor(), keyspace, role, patch, app.now()).await?;
    Ok(reply::changed(changed.change_seq, RoleView::from(changed.value)))
}
