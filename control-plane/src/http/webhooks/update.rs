use axum::Json;
use axum::extract::State;

use super::find;
use super::view::{WebhookPatchInput, WebhookView};
use crate::app::App;
use crate::domain::WebhookId;
use crate::domain::webhook::WebhookPatch;
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// Change a webhook, or switch it on or off (JSON merge patch, RFC 7396).
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = String, Path)),
    request_body(content = WebhookPatchInput, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The webhook after the change.", body = WebhookView))
)]
pub(in crate::http) async fn update_webhook(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<WebhookId>,
    JsonBody(mut body): JsonBody,
) -> Result<Json<WebhookView>, Failure> {
    let patch = WebhookPatch {
        url: body.text("url"),
        description: body.text("description"),
        events: body.texts("events"),
        keyspaces: body.texts("keyspaces"),
        enabled: body.flag("enabled"),
    };
    let errors = body.finish();
    let old = find(&app, &caller, id).await?;
    let settings = patch.apply(&old, errors, caller.admin_key(), app.webhook_loopback)?;
    let now = app.now();
    let changed = app.store.update_webhook(&caller.actor(), id, settings, now).await?;
    Ok(Json(WebhookView::of(changed.value, now)))
}
