//! Operations such as `POST /v1/keys/{key_id}:rotate`. The router knows no text behind a parameter, so they share the route of
//! `/v1/keys/{key_id}` (and so of other objects) with the operations without a verb, and are told apart here.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use utoipa_axum::router::OpenApiRouter;

use super::access::Routes;
use super::problem::{self, Failure};
use crate::app::App;

/// Adds the operations of `path` and of the paths that have a verb behind it. Each path answers for its own methods: what a verb does
/// not take is refused with an `Allow` that names what it takes.
pub(super) fn with_verbs(
    mut router: OpenApiRouter<App>,
    path: &'static str,
    operations: impl IntoIterator<Item = Routes>,
) -> OpenApiRouter<App> {
    let mut by_verb: BTreeMap<String, MethodRouter<App>> = BTreeMap::new();
    let document = router.get_openapi_mut();
    for (schemas, paths, methods) in operations {
        for own_path in paths.paths.keys() {
            let verb = own_path.strip_prefix(path).unwrap_or(own_path).to_owned();
            let known = by_verb.remove(&verb).unwrap_or_default();
            by_verb.insert(verb, known.merge(methods.clone()));
        }
        document.paths.merge(paths);
        document.components.get_or_insert_default().schemas.extend(schemas);
    }
    for methods in by_verb.values_mut() {
        *methods = std::mem::take(methods).fallback(problem::no_such_method);
    }
    let by_verb = Arc::new(by_verb);
    router.route(path, any(move |State(app), request| call(by_verb, app, request)))
}

async fn call(by_verb: Arc<BTreeMap<String, MethodRouter<App>>>, app: App, request: Request) -> Response {
    match by_verb.get(verb(request.uri().path())) {
        Some(methods) => methods.clone().call(request, app).await,
        None => Failure::NoSuchPath.into_response(),
    }
}

/// What stands behind the last id of a path, with its colon; empty if nothing does.
fn verb(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.rfind(':').map_or("", |at| &last[at..])
}
