use axum::extract::State;
use axum::response::Response;

use super::view::UpstreamCredentialPatchInput;
use super::{UpstreamCredentialView, seal};
use crate::app::App;
use crate::domain::upstream_credential::CredentialValue;
use crate::domain::{KeyspaceId, UpstreamCredentialId, UpstreamCredentialPatch};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathIds;
use crate::http::problem::Failure;
use crate::http::reply;

/// Change an upstream credential, or give it another value (JSON merge patch, RFC 7396).
#[utoipa::path(
    patch,
    path = "/v1/keyspaces/{keyspace_id}/upstream-credentials/{upstream_credential_id}",
    tag = "upstream credentials",
    params(("keyspace_id" = String, Path), ("upstream_credential_id" = String, Path)),
    request_body(content = UpstreamCredentialPatchInput, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The credential after the change.", body = UpstreamCredentialView))
)]
pub(in crate::http) async fn update_upstream_credential(
    caller: Caller,
    State(app): State<App>,
    PathIds(keyspace, id): PathIds<KeyspaceId, UpstreamCredentialId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let patch = UpstreamCredentialPatch {
        header: body.text("header"),
        prefix: body.text("prefix"),
        value: body.text("value").map(|value| value.map(CredentialValue::new)),
    };
    let errors = body.finish();
    let old = app.store.upstream_credential(caller.workspace(), keyspace, id).await?;
    let (settings, value) = patch.apply(&old, errors)?;
    let value = value.map(|value| seal(&app, id, &value)).transpose()?;
    let changed = app
        .store
        .update_upstream_credential(&caller.actor(), keyspace, id, settings, value, app.now())
        .await?;
    Ok(reply::changed(changed.change_seq, UpstreamCredentialView::from(changed.value)))
}
