use axum::Json;
use axum::extract::State;
use latchkey_token::Environment;

use super::view::KeyView;
use crate::app::App;
use crate::domain::{KeyStatus, KeyspaceId};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply::ListView;
use crate::http::shapes;
use crate::storage::{KeyFilter, StatusFilter};

/// List the keys of a keyspace, newest first.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/keys",
    tag = "keys",
    params(
        ("keyspace_id" = String, Path),
        ("status" = inline(Option<shapes::StatusFilter>), Query, description = "absent: all but revoked"),
        ("environment" = inline(Option<shapes::Environment>), Query),
        ("owner" = Option<String>, Query, description = "keys of this owner; empty: keys without one"),
        ("tag" = Option<String>, Query, description = "keys with this tag"),
        ("search" = Option<String>, Query, min_length = 1, max_length = 100, description = "text in name, description or the start of a token, whatever its case, or the beginning of an id; 1 to 100 characters"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<KeyView>))
)]
pub(in crate::http) async fn list_keys(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<ListView<KeyView>>, Failure> {
    let page = params.page();
    let filter = KeyFilter {
        status: params.take("status", status).unwrap_or_default(),
        environment: params.take("environment", str::parse::<Environment>),
        owner: params.take("owner", text),
        tag: params.take("tag", text),
        search: params.take("search", search),
    };
    params.finish()?;
    let now = app.now();
    let page = app.store.keys(caller.workspace(), keyspace, filter, page, now).await?;
    Ok(Json(ListView::of(page, |key| key.id.0, |key| KeyView::of(key, now))))
}

fn status(text: &str) -> Result<StatusFilter, String> {
    match text {
        "all" => Ok(StatusFilter::All),
        one => KeyStatus::parse(one).map(StatusFilter::Only).map_err(|message| format!("{message}, or all")),
    }
}

fn text(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.to_owned())
}

fn search(text: &str) -> Result<String, &'static str> {
    let length = text.chars().count();
    if (1..=100).contains(&length) { Ok(text.to_owned()) } else { Err("must have 1 to 100 characters") }
}
