use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::cookie;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::problem::Failure;

/// What became of the sessions.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct EndedSessionsView {
    /// How many ended.
    ended: u64,
}

/// Sign out everywhere.
///
/// Every session of the admin key ends, also the one that asks. The admin key itself goes on to work.
#[utoipa::path(
    post,
    path = "/v1/session:end-all",
    tag = "session",
    responses(
        (status = 200, description = "They ended.", body = EndedSessionsView),
        (status = 403, description = "Another site may have made the browser ask: `CSRF_REFUSED`."),
    )
)]
pub(in crate::http) async fn end_all_sessions(
    caller: Caller,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let ended = app.store.end_sessions_of(&caller.actor(), caller.admin_key().id, app.now()).await?.value;
    Ok(([(SET_COOKIE, cookie::clear(&headers))], Json(EndedSessionsView { ended })).into_response())
}
