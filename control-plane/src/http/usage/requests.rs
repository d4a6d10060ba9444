use axum::Json;
use axum::extract::State;
use latchkey_validator::Code;

use super::view::RequestView;
use crate::app::App;
use crate::domain::{KeyId, KeyspaceId, Timestamp};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply::ListView;
use crate::http::shapes;
use crate::storage::RequestFilter;

/// List the requests that the gates of a keyspace decided, newest first.
///
/// They are kept for the keyspace's `request_log_days`. Gates report a second or so after the fact; what a gate cannot deliver for
/// long it forgets, which the keyspace's usage counts.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/requests",
    tag = "usage",
    params(
        ("keyspace_id" = String, Path),
        ("key" = inline(Option<shapes::KeyId>), Query, description = "only with this key, by its id"),
        ("code" = inline(Option<shapes::DecisionCode>), Query, description = "only those decided so, such as VALID or REVOKED"),
        ("status" = Option<u16>, Query, minimum = 100, maximum = 599, description = "only those answered with this status"),
        ("since" = inline(Option<shapes::Time>), Query, description = "only those at or after this time"),
        ("until" = inline(Option<shapes::Time>), Query, description = "only those before this time"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the log.", body = ListView<RequestView>))
)]
pub(in crate::http) async fn list_requests(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<ListView<RequestView>>, Failure> {
    let page = params.page();
    let filter = RequestFilter {
        key: params.take("key", str::parse::<KeyId>),
        code: params.take("code", code),
        status: params.take("status", status),
        since: params.take("since", Timestamp::parse),
        until: params.take("until", Timestamp::parse),
    };
    params.finish()?;
    let page = app.store.requests(caller.workspace(), keyspace, filter, page).await?;
    Ok(Json(ListView::of(page, |logged| logged.number, RequestView::from)))
}

/// The code of this name.
pub(super) fn code(name: &str) -> Result<Code, String> {
    let found = Code::ALL.into_iter().find(|code| code.as_str() == name);
    found.ok_or_else(|| "must be a code of a decision, such as VALID or REVOKED".to_owned())
}

fn status(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|status| (100..=599).contains(status)).ok_or("must be 100 to 599")
}
