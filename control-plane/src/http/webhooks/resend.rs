use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::delivery_view::DeliveryView;
use super::find;
use crate::app::App;
use crate::domain::{DeliveryId, Timestamp, WebhookId};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::{PathIdBeforeVerb, PathIdsBeforeVerb};
use crate::http::problem::Failure;

/// Send a delivery again, or try one that is pending now.
///
/// It carries the same `webhook-id`, and is tried as often as a new one.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}:resend",
    tag = "webhooks",
    params(("webhook_id" = String, Path), ("delivery_id" = String, Path)),
    responses(
        (status = 202, description = "It is on its way.", body = DeliveryView),
        (status = 409, description = "`WEBHOOK_DISABLED`."),
    )
)]
pub(in crate::http) async fn resend_delivery(
    caller: Caller,
    State(app): State<App>,
    PathIdsBeforeVerb(webhook, id): PathIdsBeforeVerb<WebhookId, DeliveryId>,
) -> Result<Response, Failure> {
    find(&app, &caller, webhook).await?;
    let sent = app.store.resend_delivery(&caller.actor(), webhook, id, app.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::from(sent.value))).into_response())
}

/// Which deliveries are sent again.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct ResendFailedInput {
    /// Those made at or after this time.
    #[schema(example = "2027-01-31T12:00:00Z", format = DateTime)]
    since: String,
}

/// How many are sent again.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct ResentView {
    /// How many deliveries are on their way. Events that waited without one, when the webhook was switched off by itself, come beside them.
    deliveries: u64,
}

/// Send everything again that failed since a time.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook_id}:resend-failed",
    tag = "webhooks",
    params(("webhook_id" = String, Path)),
    request_body = ResendFailedInput,
    responses(
        (status = 202, description = "They are on their way.", body = ResentView),
        (status = 409, description = "`WEBHOOK_DISABLED`."),
    )
)]
pub(in crate::http) async fn resend_failed_deliveries(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<WebhookId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let since = body.text("since").flatten();
    let mut errors = body.finish();
    let since = errors.required("/since", since);
    let since = since.and_then(|since| errors.check("/since", Timestamp::parse(&since)));
    errors.into_result()?;
    let since = since.ok_or(Failure::Internal)?;
    find(&app, &caller, id).await?;
    let resent = app.store.resend_failed(&caller.actor(), id, since, app.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(ResentView { deliveries: resent.value })).into_response())
}
