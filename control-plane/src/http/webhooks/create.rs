use axum::extract::State;
use axum::response::Response;

use super::make_secret;
use super::view::{WebhookInput, WebhookView, WebhookWithSecretView};
use crate::app::App;
use crate::domain::webhook::WebhookDraft;
use crate::domain::{Webhook, WebhookId};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::problem::Failure;
use crate::http::reply;

/// Make a webhook.
///
/// It is told of what happens from then on, by the Standard Webhooks 1.0. The answer is the only place where its secret is ever shown.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    tag = "webhooks",
    request_body = WebhookInput,
    responses((status = 201, description = "Made. Its address is in the Location header.", body = WebhookWithSecretView<'_>))
)]
pub(in crate::http) async fn create_webhook(
    caller: Caller,
    State(app): State<App>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let draft = WebhookDraft {
        url: body.text("url").flatten(),
        description: body.text("description").flatten(),
        events: body.texts("events").flatten(),
        keyspaces: body.texts("keyspaces").flatten(),
        enabled: body.flag("enabled").flatten(),
        signature: body.text("signature").flatten(),
    };
    let (settings, signature) = draft.check(body.finish(), caller.admin_key(), app.webhook_loopback)?;
    let (id, now): (WebhookId, _) = (app.next_id(), app.now());
    let (secret, sealed) = make_secret(&app, id, signature)?;
    let webhook = Webhook {
        id,
        workspace_id: caller.workspace(),
        settings,
        signature,
        public_key: secret.public_key(),
        old_secret_until: None,
        failing_since: None,
        disabled: None,
        created_at: now,
        updated_at: now,
    };
    let made = app.store.create_webhook(&caller.actor(), webhook, sealed).await?.value;
    let shown = secret.shown();
    let view = WebhookWithSecretView {
        webhook: WebhookView::of(made, now),
        secret: shown.as_ref().map(|text| text.as_str()),
    };
    Ok(reply::created_elsewhere(&format!("/v1/webhooks/{id}"), view))
}
