use axum::extract::State;

use crate::app::App;
use crate::http::problem::Failure;

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "system", responses((status = 200, description = "It is.", body = String)))]
pub(in crate::http) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the program can do its work: the database takes writes and the publisher runs and publishes every keyspace.
#[utoipa::path(get, path = "/readyz", tag = "system", responses(
    (status = 200, description = "It can.", body = String),
    (status = 503, description = "It cannot, and `detail` says why: `NOT_READY`."),
))]
pub(in crate::http) async fn readyz(State(app): State<App>) -> Result<&'static str, Failure> {
    if let Err(error) = app.store.ping().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
        return Err(Failure::NotReady("the database does not take writes".to_owned()));
    }
    if !app.is_publishing() {
        return Err(Failure::NotReady("the publisher does not run".to_owned()));
    }
    let stopped = app.store.keyspaces_with_foreign_heads().await?;
    if let [first, ..] = stopped.as_slice() {
        return Err(Failure::NotReady(format!(
            "nothing is published of {} keyspaces, {first} among them: gates have heads that this database never signed, so it is an old copy, or \
             somebody else has a signing key. See `latchkey epoch show {first}`, then `latchkey epoch raise {first}`",
            stopped.len()
        )));
    }
    Ok("ready\n")
}
