use axum::extract::State;
use axum::http::StatusCode;

use super::find;
use crate::app::App;
use crate::domain::WebhookId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// Delete a webhook with all that is pending for it, and its log.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = String, Path)),
    responses((status = 204, description = "Deleted."))
)]
pub(in crate::http) async fn delete_webhook(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<WebhookId>,
) -> Result<StatusCode, Failure> {
    find(&app, &caller, id).await?;
    app.store.delete_webhook(&caller.actor(), id, app.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
