use axum::extract::State;
use axum::response::Response;

use super::kill::{ReasonInput, reason};
use crate::app::App;
use crate::domain::{DomainError, KeyspaceId};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Publish a base that is held back.
///
/// A new base with less than 95 % of the rows of the one before, apart from those of keys that were dead for 30 days, or with more than twice
/// as many rows as gates know, is held: it may be that of a wrong or restored database, or of a script that ran away. If it is what was
/// meant, such as an import, publish it by this, once the import is over: the consent is for the base that is held now and no other.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/snapshot:override",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body = ReasonInput,
    responses(
        (status = 204, description = "It will be published."),
        (status = 409, description = "Nothing is held back: `NOTHING_HELD`."),
    )
)]
pub(in crate::http) async fn override_guard(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    JsonBody(body): JsonBody,
) -> Result<Response, Failure> {
    let reason = reason(body)?;
    // Before what is held is told: it may be somebody else's.
    app.store.keyspace(caller.workspace(), id).await?;
    let held = app.propagation.held(id).ok_or(Failure::Refused(DomainError::NothingHeld))?;
    let consented = app.store.override_guard(&caller.actor(), id, held.change_seq, reason, app.now()).await?;
    Ok(reply::gone(consented.change_seq))
}
