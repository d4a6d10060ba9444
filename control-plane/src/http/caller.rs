use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use latchkey_token::{credential, parse};

use super::middleware::RequestName;
use super::problem::Failure;
use crate::app::App;
use crate::domain::{Actor, AdminKey, WorkspaceId};

/// Whoever presented a good admin key. A handler that does not ask for it has no workspace to query with.
pub(super) struct Caller {
    admin_key: AdminKey,
    request: String,
}

impl Caller {
    pub(super) fn workspace(&self) -> WorkspaceId {
        self.admin_key.workspace_id
    }

    pub(super) fn admin_key(&self) -> &AdminKey {
        &self.admin_key
    }

    pub(super) fn actor(&self) -> Actor {
        Actor {
            workspace_id: self.admin_key.workspace_id,
            admin_key_id: Some(self.admin_key.id),
            request_id: self.request.clone(),
        }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or_else(|| refused("send `Authorization: Bearer` and an admin key"))?;
        // Two credentials in one request: another program in front may have checked the other one.
        if values.next().is_some() {
            return Err(refused("send one Authorization header, not several"));
        }
        let token = credential::bearer(value.as_bytes()).map_err(|error| refused(&error.to_string()))?;
        let token = parse(token).map_err(|error| refused(&format!("not an admin key: {error}")))?;
        let admin_key = app.store.admin_key(token.digest().0).await?;
        let admin_key = admin_key.ok_or_else(|| refused("this admin key is not known here"))?;
        let request = parts.extensions.get::<RequestName>().map_or_else(String::new, |name| name.0.clone());
        Ok(Self { admin_key, request })
    }
}

fn refused(detail: &str) -> Failure {
    Failure::Unauthorized(detail.to_owned())
}
