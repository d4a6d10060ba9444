use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{body, keys, keyspaces, middleware, policy, problem, system};
use crate::app::App;

/// The whole API, ready to serve.
pub fn router(app: App) -> Router {
    let (routes, _) = operations().split_for_parts();
    routes
        .route("/openapi.json", axum::routing::get(system::openapi::openapi))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        // From here on the last one sees a request first.
        .layer(DefaultBodyLimit::max(body::LIMIT_BYTES))
        .layer(from_fn_with_state(app.clone(), middleware::around_request))
        .with_state(app)
}

/// Every operation, with its part of the OpenAPI document.
pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(keyspaces::create::create_keyspace, keyspaces::list::list_keyspaces))
        .routes(routes!(
            keyspaces::get::get_keyspace,
            keyspaces::update::update_keyspace,
            keyspaces::delete::delete_keyspace
        ))
        .routes(routes!(keyspaces::snapshot::get_snapshot))
        .routes(routes!(keyspaces::propagation::get_propagation))
        .routes(routes!(policy::get::get_policy, policy::put::put_policy))
        .routes(routes!(keys::create::create_key, keys::list::list_keys))
        .routes(routes!(keys::get::get_key, keys::update::update_key, keys::revoke::revoke_key))
        .routes(routes!(system::whoami::whoami))
        .routes(routes!(system::health::healthz))
        .routes(routes!(system::health::readyz))
        .routes(routes!(system::index::index))
}
