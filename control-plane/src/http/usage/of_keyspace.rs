use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{HourView, span};
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::shapes;

/// Requests at the gates of a keyspace, as far as they have reported them.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeyspaceUsageView {
    /// Oldest first; hours and outcomes without requests are left out.
    hours: Vec<HourView>,
}

/// Count the requests of a keyspace by hour and outcome, those without a known key too.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/usage",
    tag = "usage",
    params(
        ("keyspace_id" = String, Path),
        ("from" = inline(Option<shapes::Time>), Query, description = "from the hour of this time; default 24 hours before `to`"),
        ("to" = inline(Option<shapes::Time>), Query, description = "up to the hour of this time; default now, at most 31 days after `from`"),
    ),
    responses((status = 200, description = "The counts.", body = KeyspaceUsageView))
)]
pub(in crate::http) async fn get_keyspace_usage(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<KeyspaceUsageView>, Failure> {
    let (from, to) = span(&mut params, app.now());
    params.finish()?;
    let hours = app.store.keyspace_usage(caller.workspace(), id, from, to).await?;
    Ok(Json(KeyspaceUsageView { hours: hours.into_iter().map(HourView::from).collect() }))
}
