use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Extension, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use latchkey_token::{Environment, Prefix, SecretToken, digest, generate, parse};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::view::SessionView;
use super::{cookie, csrf};
use crate::app::App;
use crate::domain::session::{Session, TOKEN_PREFIX};
use crate::domain::{Actor, AdminKey};
use crate::http::body::JsonBody;
use crate::http::caller::known_admin_key;
use crate::http::middleware::RequestName;
use crate::http::problem::Failure;
use crate::http::reply;

/// Who signs in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct SignInInput {
    /// The token of an admin key.
    #[schema(example = "lkadm_live_…")]
    admin_key: String,
}

/// Sign a browser in.
///
/// The answer sets a cookie that stands for the admin key: no script can read it, other sites cannot use it, and it ends after 8 hours,
/// after 30 minutes without use, and with the admin key.
#[utoipa::path(
    post,
    path = "/v1/session",
    tag = "session",
    request_body = SignInInput,
    responses(
        (status = 201, description = "Signed in.", body = SessionView),
        (status = 401, description = "This is no admin key, or not a good one: `UNAUTHORIZED`."),
        (status = 403, description = "A page of another site asks: `CSRF_REFUSED`."),
        (status = 429, description = "Too many attempts failed: `SIGN_IN_THROTTLED`."),
    )
)]
pub(in crate::http) async fn sign_in(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(request): Extension<RequestName>,
    headers: HeaderMap,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    csrf::check_origin(&headers)?;
    let presented = body.text("admin_key").flatten().map(Zeroizing::new);
    let mut errors = body.finish();
    let Some(presented) = errors.required("/admin_key", presented) else { return Err(errors.into()) };
    errors.into_result()?;
    let now = app.now();
    app.sign_ins.take(peer.ip(), now).map_err(Failure::SignInThrottled)?;
    let admin_key = admin_key_of(&app, &presented).await?;
    app.sign_ins.give_back(peer.ip(), now);

    let source = peer.ip().to_canonical().to_string();
    end_former(&app, &headers, &request.0, &source).await?;
    let prefix = Prefix::new(TOKEN_PREFIX).map_err(|_| Failure::Internal)?;
    // Drawn anew at every sign-in: nobody can know a session's token before the session is somebody's.
    let token: SecretToken = generate(&prefix, Environment::Live, &mut UnwrapErr(SysRng));
    let session = Session::begin(app.next_id(), &admin_key, now);
    let actor = actor(&admin_key, &session, &request.0, &source);
    let session = app.store.begin_session(&actor, session, token.digest().0).await?.value;
    let view = SessionView::of(&app, &admin_key, &session, token.expose()).await?;
    let mut response = reply::created_elsewhere("/v1/session", view);
    response.headers_mut().insert(SET_COOKIE, cookie::set(&headers, &token, &session, now));
    Ok(response)
}

async fn admin_key_of(app: &App, text: &str) -> Result<AdminKey, Failure> {
    let token = parse(text.trim().as_bytes())
        .map_err(|error| Failure::Unauthorized(format!("not an admin key: {error}")))?;
    known_admin_key(app, token.digest()).await
}

/// Ends the session that the browser had until now: its cookie is about to be lost.
async fn end_former(app: &App, headers: &HeaderMap, request: &str, source: &str) -> Result<(), Failure> {
    let Ok(Some(token)) = cookie::presented(headers) else { return Ok(()) };
    let former = app.store.presented_session(digest(token.as_bytes()).0).await?;
    if let Some((session, admin_key)) = former {
        let actor = actor(&admin_key, &session, request, source);
        app.store.end_session(&actor, session, app.now()).await?;
    }
    Ok(())
}

fn actor(admin_key: &AdminKey, session: &Session, request: &str, source: &str) -> Actor {
    Actor {
        workspace_id: admin_key.workspace_id,
        admin_key_id: Some(admin_key.id),
        session_id: Some(session.id),
        holder: None,
        request_id: request.to_owned(),
        source: source.to_owned(),
    }
}
