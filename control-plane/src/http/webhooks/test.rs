use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::delivery_view::DeliveryView;
use super::find;
use crate::app::App;
use crate::domain::WebhookId;
use crate::http::caller::Caller;
use crate::http::params::PathIdBeforeVerb;
use crate::http::problem::Failure;

/// Send an event of type `webhook.test` to a webhook, whatever it has chosen.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook_id}:test",
    tag = "webhooks",
    params(("webhook_id" = String, Path)),
    responses(
        (status = 202, description = "It is on its way; look at the delivery for what came of it.", body = DeliveryView),
        (status = 409, description = "`WEBHOOK_DISABLED`."),
    )
)]
pub(in crate::http) async fn test_webhook(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<WebhookId>,
) -> Result<Response, Failure> {
    find(&app, &caller, id).await?;
    let sent = app.store.send_test_event(&caller.actor(), id, app.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::from(sent.value))).into_response())
}
