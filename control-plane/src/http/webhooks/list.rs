use axum::Json;
use axum::extract::State;

use super::find;
use super::view::WebhookView;
use crate::app::App;
use crate::domain::WebhookId;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply::ListView;

/// List webhooks, newest first.
///
/// An admin key that is limited to keyspaces sees those that are limited to the same ones.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    tag = "webhooks",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<WebhookView>))
)]
pub(in crate::http) async fn list_webhooks(
    caller: Caller,
    State(app): State<App>,
    mut params: Params,
) -> Result<Json<ListView<WebhookView>>, Failure> {
    let page = params.page();
    params.finish()?;
    let (page, now) = (app.store.webhooks(caller.admin_key(), page).await?, app.now());
    Ok(Json(ListView::of(page, |webhook| webhook.id.0, |webhook| WebhookView::of(webhook, now))))
}

/// Show a webhook, without its secret.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}",
    tag = "webhooks",
    params(("webhook_id" = String, Path)),
    responses((status = 200, description = "The webhook.", body = WebhookView))
)]
pub(in crate::http) async fn get_webhook(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<WebhookId>,
) -> Result<Json<WebhookView>, Failure> {
    Ok(Json(WebhookView::of(find(&app, &caller, id).await?, app.now())))
}
