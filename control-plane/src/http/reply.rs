//! Answers that are not errors.

use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::params::cursor;
use crate::domain::Page;

/// The row that a mutation left in its keyspace's change log: what a caller waits for in `…/propagation`.
const LATCHKEY_CHANGE_SEQ: HeaderName = HeaderName::from_static("latchkey-change-seq");

/// 201 with where the new object is.
pub(super) fn created(location: &str, change_seq: u64, body: impl Serialize) -> Response {
    at_location(location, changed(change_seq, body))
}

/// As [`created`], for an object that belongs to no keyspace and waits for no propagation.
pub(super) fn created_elsewhere(location: &str, body: impl Serialize) -> Response {
    at_location(location, Json(body))
}

fn at_location(location: &str, answer: impl IntoResponse) -> Response {
    let mut response = (StatusCode::CREATED, answer).into_response();
    // Ids and paths are ASCII.
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// 200 with the object after the change.
pub(super) fn changed(change_seq: u64, body: impl Serialize) -> Response {
    ([(LATCHKEY_CHANGE_SEQ, HeaderValue::from(change_seq))], Json(body)).into_response()
}

/// 204 after a change that leaves nothing to show.
pub(super) fn gone(change_seq: u64) -> Response {
    (StatusCode::NO_CONTENT, [(LATCHKEY_CHANGE_SEQ, HeaderValue::from(change_seq))]).into_response()
}

/// Part of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListView<T> {
    data: Vec<T>,
    /// Send it as `cursor` for the next part.
    next_cursor: Option<String>,
    has_more: bool,
}

impl<T> ListView<T> {
    /// `view` shows an item; `number` is what the list is ordered by.
    pub(super) fn of<I>(page: Page<I>, number: impl Fn(&I) -> u64, view: impl Fn(I) -> T) -> Self {
        let next_cursor = page.items.last().filter(|_| page.has_more).map(|last| cursor(number(last)));
        let has_more = page.has_more;
        Self { data: page.items.into_iter().map(view).collect(), next_cursor, has_more }
    }
}
