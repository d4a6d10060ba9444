use axum::extract::State;
use axum::response::Response;

use super::sinks::sealed_sinks;
use super::view::{self, KeyspaceInput, KeyspaceView};
use crate::app::App;
use crate::domain::sink::check_all;
use crate::domain::{KeyspaceId, KeyspacePatch};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Change a keyspace (JSON merge patch, RFC 7396).
///
/// Changing `environment` changes the audience of its snapshots: gates that are configured for the old one refuse the new ones.
#[utoipa::path(
    patch,
    path = "/v1/keyspaces/{keyspace_id}",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body(content = KeyspaceInput, description = "Every field is optional.", content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The keyspace after the change.", body = KeyspaceView),
        (status = 409, description = "Upstream credentials are sealed by the gate's key: `GATE_ENCRYPTION_KEY_IN_USE`.")
    )
)]
pub(in crate::http) async fn update_keyspace(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let freshness = view::freshness(&mut body);
    let sinks = view::sinks(&mut body);
    let mut patch = KeyspacePatch {
        name: body.text("name"),
        prefix: body.text("prefix"),
        environment: body.text("environment"),
        gates: view::gates(&mut body),
        sinks: None,
        fresh_seconds: freshness.fresh_seconds,
        valid_seconds: freshness.valid_seconds,
        on_expired: freshness.on_expired,
        rules: view::rules(&mut body),
        gate_encryption_key: body.text("gate_encryption_key"),
    };
    let mut errors = body.finish();
    let sinks = sinks.map(|sinks| check_all(sinks.unwrap_or_default(), &mut errors));
    errors.into_result()?;
    patch.sinks = sinks.map(|sinks| sealed_sinks(&app, id, sinks)).transpose()?;
    let changed = app.store.update_keyspace(&caller.actor(), id, patch, app.now()).await?;
    Ok(reply::changed(changed.change_seq, KeyspaceView::from(changed.value)))
}
