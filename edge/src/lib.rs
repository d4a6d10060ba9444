#![doc = include_str!("../README.md")]

mod config;
mod problem;

mod freshness;
pub mod gate;
mod isolate;
mod shards;
mod strangers;
mod watch;

mod clock;
mod control_plane;
mod digest;
mod protocol;
mod refresh;
mod sources;

mod limits;
mod settle;
mod signature;

mod upstream_credentials;
mod usage;

mod holder;
mod ingest;
pub mod ledger;
pub mod relay;
mod status;

#[cfg(feature = "fault-injection")]
mod fault;

use worker::{Context, Env, Method, Request, Response, Result, event};

use crate::problem::Problem;

const OWN_ROUTES: &str = "/.well-known/latchkey/";

/// The gate's own routes. Everything else is decided in [`gate`] and never comes here.
#[event(fetch)]
pub async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let id = problem::request_id(request.headers());
    let path = request.path();
    #[cfg(feature = "fault-injection")]
    fault::in_own_route(path.strip_prefix(OWN_ROUTES), &env).await;
    let answer = match (path.strip_prefix(OWN_ROUTES), request.method()) {
        (Some("ingest"), Method::Post) => ingest::handle(request, env, &context).await,
        (Some("status"), Method::Get | Method::Head) => status::handle(&env).await,
        (Some("key"), Method::Get) => holder::handle_key(&request, &env, &ingest::colo(&request)).await,
        (Some("revoke"), Method::Post) => holder::handle_revoke(&request, &env).await,
        (Some("key"), _) => Err(Problem::method_not_allowed("GET")),
        (Some("revoke"), _) => Err(Problem::method_not_allowed("POST")),
        (Some("ingest"), _) => Err(Problem::method_not_allowed("POST")),
        (Some("status"), _) => Err(Problem::method_not_allowed("GET, HEAD")),
        _ => Err(Problem::unknown_path()),
    };
    answer.or_else(|problem| problem.into_response(&id))
}
