use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::cookie;
use super::view::SessionView;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::problem::Failure;

/// Show who is signed in, and what they may do.
#[utoipa::path(
    get,
    path = "/v1/session",
    tag = "session",
    responses((status = 200, description = "The session that the cookie stands for.", body = SessionView))
)]
pub(in crate::http) async fn get_session(
    caller: Caller,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<SessionView>, Failure> {
    let session = caller.session()?;
    let token = cookie::presented(&headers)?.ok_or(Failure::Internal)?;
    Ok(Json(SessionView::of(&app, caller.admin_key(), session, token).await?))
}
