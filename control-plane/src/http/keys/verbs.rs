use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};

use super::restore::restore_key;
use super::rotate::rotate_key;
use crate::app::App;
use crate::http::idempotency;
use crate::http::problem::Failure;

/// `POST /v1/keys/{key_id}:verb`. The router knows no suffix behind a parameter, so the verb is told apart here.
pub(in crate::http) async fn on_key(State(app): State<App>, request: Request) -> Response {
    let verb = request.uri().path().rsplit_once(':').map(|(_, verb)| verb.to_owned());
    match verb.as_deref() {
        Some("rotate") => rotate_key.layer(from_fn(idempotency::once)).call(request, app).await,
        Some("restore") => restore_key.call(request, app).await,
        Some(_) => Failure::NoSuchPath.into_response(),
        None => Failure::NoSuchMethod(Method::POST).into_response(),
    }
}
