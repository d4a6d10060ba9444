use serde::Serialize;
use utoipa::ToSchema;

use super::csrf;
use crate::app::App;
use crate::domain::session::{IDLE_SECONDS, Session};
use crate::domain::{AdminKey, KeyspaceId, Timestamp};
use crate::http::problem::Failure;
use crate::http::shapes;
use crate::http::system::whoami::WorkspaceView;

/// A browser that is signed in, and what it may do.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct SessionView {
    #[schema(value_type = shapes::SessionId)]
    id: String,
    /// The admin key whose rights it has.
    #[schema(value_type = shapes::AdminKeyId)]
    admin_key_id: String,
    /// The admin key's name.
    name: String,
    workspace: WorkspaceView,
    /// What it may do; `*` is everything.
    #[schema(value_type = Vec<shapes::ScopeName>)]
    scopes: Vec<&'static str>,
    /// The only keyspaces that it reaches; `null`: all.
    #[schema(value_type = Option<Vec<shapes::KeyspaceId>>)]
    keyspaces: Option<Vec<KeyspaceId>>,
    /// What a call by the cookie that changes something must carry as `X-CSRF-Token`.
    csrf_token: String,
    /// When it ends however much it is used.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// It also ends once it was not used for so many seconds.
    #[schema(example = 1800)]
    idle_seconds: i64,
}

impl SessionView {
    /// `token` is that of the session.
    pub(super) async fn of(
        app: &App,
        admin_key: &AdminKey,
        session: &Session,
        token: &str,
    ) -> Result<Self, Failure> {
        let workspace = app.store.workspace(admin_key.workspace_id).await?.ok_or(Failure::Internal)?;
        Ok(Self {
            id: session.id.to_string(),
            admin_key_id: admin_key.id.to_string(),
            name: admin_key.name.clone(),
            workspace: workspace.into(),
            scopes: admin_key.scopes.names(),
            keyspaces: admin_key.keyspaces.clone(),
            csrf_token: csrf::token(token),
            expires_at: session.ends_at,
            idle_seconds: IDLE_SECONDS,
        })
    }
}
