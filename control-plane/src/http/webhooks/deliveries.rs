use axum::Json;
use axum::extract::State;

use super::delivery_view::{DeliveryRecordView, DeliveryView};
use super::find;
use crate::app::App;
use crate::domain::webhook::DeliveryState;
use crate::domain::{DeliveryId, Timestamp, WebhookId};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId, PathIds};
use crate::http::problem::Failure;
use crate::http::reply::ListView;
use crate::http::shapes;
use crate::storage::DeliveryFilter;

/// List the deliveries of a webhook, newest first.
///
/// They are kept for 30 days.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}/deliveries",
    tag = "webhooks",
    params(
        ("webhook_id" = String, Path),
        ("status" = inline(Option<shapes::DeliveryState>), Query, description = "only those that stand like this"),
        ("since" = inline(Option<shapes::Time>), Query, description = "only those made at or after this time"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<DeliveryView>))
)]
pub(in crate::http) async fn list_deliveries(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<WebhookId>,
    mut params: Params,
) -> Result<Json<ListView<DeliveryView>>, Failure> {
    let filter = DeliveryFilter {
        state: params.take("status", DeliveryState::parse),
        since: params.take("since", Timestamp::parse),
    };
    let page = params.page();
    params.finish()?;
    find(&app, &caller, id).await?;
    let page = app.store.deliveries(caller.workspace(), id, filter, page).await?;
    Ok(Json(ListView::of(page, |delivery| delivery.id.0, DeliveryView::from)))
}

/// Show a delivery with every attempt.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
    tag = "webhooks",
    params(("webhook_id" = String, Path), ("delivery_id" = String, Path)),
    responses((status = 200, description = "The delivery.", body = DeliveryRecordView))
)]
pub(in crate::http) async fn get_delivery(
    caller: Caller,
    State(app): State<App>,
    PathIds(webhook, id): PathIds<WebhookId, DeliveryId>,
) -> Result<Json<DeliveryRecordView>, Failure> {
    find(&app, &caller, webhook).await?;
    let record = app.store.delivery(caller.workspace(), webhook, id).await?;
    Ok(Json(DeliveryRecordView::of(record)?))
}
