use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::{Timestamp, Workspace};
use crate::http::admin_keys::view::AdminKeyView;
use crate::http::caller::Caller;
use crate::http::problem::Failure;
use crate::http::shapes;

/// Whom the presented admin key stands for.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WhoamiView {
    admin_key: AdminKeyView,
    workspace: WorkspaceView,
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WorkspaceView {
    #[schema(value_type = shapes::WorkspaceId)]
    id: String,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Show whom the presented admin key stands for.
#[utoipa::path(
    get,
    path = "/v1/whoami",
    tag = "system",
    responses((status = 200, description = "The admin key and its workspace.", body = WhoamiView))
)]
pub(in crate::http) async fn whoami(
    caller: Caller,
    State(app): State<App>,
) -> Result<Json<WhoamiView>, Failure> {
    let workspace = app.store.workspace(caller.workspace()).await?.ok_or(Failure::Internal)?;
    Ok(Json(WhoamiView { admin_key: caller.admin_key().clone().into(), workspace: workspace.into() }))
}

impl From<Workspace> for WorkspaceView {
    fn from(workspace: Workspace) -> Self {
        Self { id: workspace.id.to_string(), name: workspace.name, created_at: workspace.created_at }
    }
}
