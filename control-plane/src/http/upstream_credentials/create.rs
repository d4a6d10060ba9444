use axum::extract::State;
use axum::response::Response;

use super::view::UpstreamCredentialInput;
use super::{UpstreamCredentialView, seal};
use crate::app::App;
use crate::domain::upstream_credential::CredentialValue;
use crate::domain::{KeyspaceId, UpstreamCredentialDraft, UpstreamCredentialId};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Make a credential that gates add to requests.
///
/// Routes name it in `upstream_credential`. It travels to gates sealed by the keyspace's `gate_encryption_key`, so nobody on the way can read it.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/upstream-credentials",
    tag = "upstream credentials",
    params(("keyspace_id" = String, Path)),
    request_body = UpstreamCredentialInput,
    responses(
        (status = 201, description = "Made. Its address is in the Location header.", body = UpstreamCredentialView),
        (status = 409, description = "`GATE_ENCRYPTION_KEY_MISSING`, `NAME_TAKEN` or `IDEMPOTENCY_IN_FLIGHT`."),
    )
)]
pub(in crate::http) async fn create_upstream_credential(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let draft = UpstreamCredentialDraft {
        name: body.text("name").flatten(),
        header: body.text("header").flatten(),
        prefix: body.text("prefix").flatten(),
        value: body.text("value").flatten().map(CredentialValue::new),
    };
    let (settings, value) = draft.check(body.finish())?;
    let id: UpstreamCredentialId = app.next_id();
    let value = seal(&app, id, &value)?;
    let made = app
        .store
        .create_upstream_credential(&caller.actor(), keyspace, id, settings, value, app.now())
        .await?;
    let location = format!("/v1/keyspaces/{keyspace}/upstream-credentials/{id}");
    Ok(reply::created(&location, made.change_seq, UpstreamCredentialView::from(made.value)))
}
