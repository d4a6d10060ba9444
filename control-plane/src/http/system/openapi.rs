use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

static DOCUMENT: LazyLock<String> = LazyLock::new(crate::http::document);

/// The OpenAPI document. It does not describe itself.
pub(in crate::http) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}
