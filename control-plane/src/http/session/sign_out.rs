use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::cookie;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::problem::Failure;

/// Sign out.
///
/// The session ends here, whatever becomes of the cookie.
#[utoipa::path(
    delete,
    path = "/v1/session",
    tag = "session",
    responses(
        (status = 204, description = "Signed out."),
        (status = 403, description = "Another site may have made the browser ask: `CSRF_REFUSED`."),
    )
)]
pub(in crate::http) async fn sign_out(
    caller: Caller,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let session = caller.session()?.clone();
    app.store.end_session(&caller.actor(), session, app.now()).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie::clear(&headers))]).into_response())
}
