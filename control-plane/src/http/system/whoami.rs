use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::Timestamp;
use crate::http::caller::Caller;
use crate::http::problem::Failure;

/// Whom the presented admin key stands for.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WhoamiView {
    admin_key: AdminKeyView,
    workspace: WorkspaceView,
}

/// An admin key.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AdminKeyView {
    #[schema(example = "adm_06nd5xbm0q3tz")]
    id: String,
    name: String,
    /// What people recognise it by.
    #[schema(example = "lkadm_live_ab12")]
    start: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WorkspaceView {
    #[schema(example = "ws_06nd5xbm0q3tz")]
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
    let admin_key = caller.admin_key();
    Ok(Json(WhoamiView {
        admin_key: AdminKeyView {
            id: admin_key.id.to_string(),
            name: admin_key.name.clone(),
            start: admin_key.start.clone(),
            created_at: admin_key.created_at,
        },
        workspace: WorkspaceView {
            id: workspace.id.to_string(),
            name: workspace.name,
            created_at: workspace.created_at,
        },
    }))
}
