use axum::extract::State;
use axum::response::Response;

use super::sinks::sealed_sinks;
use super::view::{self, KeyspaceView, NewKeyspaceInput};
use crate::app::App;
use crate::domain::role::{NewRole, Preset};
use crate::domain::sink::check_all;
use crate::domain::{KeyspaceDraft, KeyspaceId};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::problem::Failure;
use crate::http::reply;
use crate::storage::NewKeyspace;

/// Make a keyspace.
///
/// It starts with a policy that denies everything and a signing key of its own.
#[utoipa::path(
    post,
    path = "/v1/keyspaces",
    tag = "keyspaces",
    request_body = NewKeyspaceInput,
    responses((status = 201, description = "Made. Its address is in the Location header.", body = KeyspaceView))
)]
pub(in crate::http) async fn create_keyspace(
    caller: Caller,
    State(app): State<App>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let freshness = view::freshness(&mut body);
    let sinks = view::sinks(&mut body).flatten();
    let draft = KeyspaceDraft {
        name: body.text("name").flatten(),
        prefix: body.text("prefix").flatten(),
        environment: body.text("environment").flatten(),
        gates: view::gates(&mut body).flatten(),
        sinks: None,
        fresh_seconds: freshness.fresh_seconds.flatten(),
        valid_seconds: freshness.valid_seconds.flatten(),
        on_expired: freshness.on_expired.flatten(),
        rules: view::rules(&mut body),
        gate_encryption_key: body.text("gate_encryption_key").flatten(),
    };
    let preset = body.text("preset").flatten();
    let mut errors = body.finish();
    let preset = preset.and_then(|preset| errors.check("/preset", Preset::parse(&preset)));
    let sinks = check_all(sinks.unwrap_or_default(), &mut errors);
    let mut settings = draft.check(errors)?;
    let roles = preset.map(Preset::roles).unwrap_or_default().into_iter();
    let roles = roles.map(|settings| NewRole { id: app.next_id(), settings }).collect();
    let id: KeyspaceId = app.next_id();
    settings.sinks = sealed_sinks(&app, id, sinks)?;
    let signing_key = app.vault.make_signing_key(id).map_err(|error| {
        tracing::error!(%error, "no signing key could be made");
        Failure::Internal
    })?;
    let new = NewKeyspace { id, settings, roles, signing_key, at: app.now() };
    let made = app.store.create_keyspace(&caller.actor(), new).await?;
    Ok(reply::created(&format!("/v1/keyspaces/{id}"), made.change_seq, KeyspaceView::from(made.value)))
}
