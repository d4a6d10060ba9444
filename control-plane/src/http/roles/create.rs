use axum::extract::State;
use axum::response::Response;

use super::view::{RoleInput, RoleView};
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::domain::role::{NewRole, RoleDraft};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Make a role.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/roles",
    tag = "roles",
    params(("keyspace_id" = String, Path)),
    request_body = RoleInput,
    responses(
        (status = 201, description = "Made. Its address is in the Location header.", body = RoleView),
        (status = 409, description = "`NAME_TAKEN` or `IDEMPOTENCY_IN_FLIGHT`."),
    )
)]
pub(in crate::http) async fn create_role(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let draft = RoleDraft {
        name: body.text("name").flatten(),
        description: body.text("description").flatten(),
        grants: body.texts("grants").flatten(),
    };
    let new = NewRole { id: app.next_id(), settings: draft.check(body.finish())? };
    let made = app.store.create_role(&caller.actor(), keyspace, new, app.now()).await?;
    let location = format!("/v1/keyspaces/{keyspace}/roles/{}", made.value.id);
    Ok(reply::created(&location, made.change_seq, RoleView::from(made.value)))
}
