use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{HourView, LastUsedView, span};
use crate::app::App;
use crate::domain::KeyId;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::shapes;

/// How much a key was used, as far as gates have reported it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct KeyUsageView {
    /// The last request that any of its tokens was let through with; `null`: none yet.
    last_used: Option<LastUsedView>,
    /// Oldest first; hours and outcomes without requests are left out.
    hours: Vec<HourView>,
}

/// Show how much a key was used, by hour and outcome.
#[utoipa::path(
    get,
    path = "/v1/keys/{key_id}/usage",
    tag = "usage",
    params(
        ("key_id" = String, Path),
        ("from" = inline(Option<shapes::Time>), Query, description = "from the hour of this time; default 24 hours before `to`"),
        ("to" = inline(Option<shapes::Time>), Query, description = "up to the hour of this time; default now, at most 31 days after `from`"),
    ),
    responses((status = 200, description = "Its usage.", body = KeyUsageView))
)]
pub(in crate::http) async fn get_key_usage(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    mut params: Params,
) -> Result<Json<KeyUsageView>, Failure> {
    let (from, to) = span(&mut params, app.now());
    params.finish()?;
    let usage = app.store.key_usage(caller.workspace(), id, from, to).await?;
    Ok(Json(KeyUsageView {
        last_used: usage.last_used.map(LastUsedView::from),
        hours: usage.hours.into_iter().map(HourView::from).collect(),
    }))
}
