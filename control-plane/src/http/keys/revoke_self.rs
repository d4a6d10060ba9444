use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use latchkey_token::{Digest, credential, digest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::{Actor, KeyId, Precondition, Revocation, RevocationReason, Timestamp};
use crate::http::caller::one_authorization;
use crate::http::middleware::RequestName;
use crate::http::problem::Failure;
use crate::http::{reply, shapes};

/// The security scheme of what holders ask for themselves.
pub(in crate::http) const SCHEME: &str = "own_key";

/// What became of the key.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct RevokedSelfView {
    #[schema(value_type = shapes::KeyId)]
    key_id: String,
    #[schema(value_type = shapes::Status, example = "revoked")]
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    revoked_at: Timestamp,
}

/// Whoever presents a token of a key.
pub(in crate::http) struct Holder {
    digest: Digest,
    request: String,
    source: String,
}

impl FromRequestParts<App> for Holder {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let value = one_authorization(parts, "send `Authorization: Bearer` and the key to revoke")?;
        let token =
            credential::bearer(value.as_bytes()).map_err(|error| Failure::Unauthorized(error.to_string()))?;
        let request = parts.extensions.get::<RequestName>().map_or_else(String::new, |name| name.0.clone());
        let source = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let source = source.map_or_else(String::new, |info| info.0.ip().to_canonical().to_string());
        Ok(Self { digest: digest(token), request, source })
    }
}

/// Revoke the key that the request carries.
///
/// For holders, who have no admin key: whoever has a key can end it. Every token of the key stops working. Doing it again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/keys:revoke-self",
    tag = "keys",
    security(("own_key" = [])),
    responses((status = 200, description = "The key is revoked.", body = RevokedSelfView))
)]
pub(in crate::http) async fn revoke_self(
    State(app): State<App>,
    holder: Holder,
) -> Result<Response, Failure> {
    let now = app.now();
    let homes = app.store.keys_of_presented_token(holder.digest).await?;
    let mut answer = None;
    // A token of somebody else's making may stand for a key in several workspaces: whoever has it holds all of them.
    for (workspace_id, key) in homes {
        let actor = holder.actor(workspace_id, key);
        let revocation = Revocation { at: now, reason: RevocationReason::Holder, note: None };
        let revoked = app.store.revoke_key(&actor, key, Precondition::Any, revocation).await?;
        let revoked_at = revoked.value.revocation.map_or(now, |revocation| revocation.at);
        let view = RevokedSelfView { key_id: key.to_string(), status: "revoked", revoked_at };
        answer.get_or_insert_with(|| reply::changed(revoked.change_seq, view));
    }
    answer.ok_or_else(|| Failure::Unauthorized("this key is not known here".to_owned()))
}

impl Holder {
    fn actor(&self, workspace_id: crate::domain::WorkspaceId, key: KeyId) -> Actor {
        Actor {
            workspace_id,
            admin_key_id: None,
            session_id: None,
            holder: Some(key),
            request_id: self.request.clone(),
            source: self.source.clone(),
        }
    }
}
