use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::get::{EnvironmentsView, look, view};
use crate::app::App;
use crate::domain::{DomainError, KeyspaceId};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Whether live keys work.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct LiveInput {
    #[schema(example = false)]
    enabled: bool,
}

/// Turn live on or off.
///
/// On is refused until everything that live needs is there. Off makes every live key useless within moments, and none can be made.
#[utoipa::path(
    put,
    path = "/v1/keyspaces/{keyspace_id}/environments/live",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body = LiveInput,
    responses(
        (status = 200, description = "The environments after the change.", body = EnvironmentsView),
        (status = 409, description = "Live needs more, and `detail` says what: `REQUIREMENTS_NOT_MET`."),
    )
)]
pub(in crate::http) async fn switch_live(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let enabled = body.flag("enabled").flatten();
    let mut errors = body.finish();
    let enabled = errors.required("/enabled", enabled);
    let (was, requirements) = look(&app, &caller, id).await?;
    errors.into_result()?;
    let enabled = enabled.unwrap_or(was);
    let missing: Vec<_> = requirements.iter().filter(|requirement| !requirement.met).collect();
    if enabled && !was && !missing.is_empty() {
        let missing = missing.iter().map(|missing| format!("{}: {}", missing.name, missing.how));
        return Err(Failure::Refused(DomainError::RequirementsNotMet(
            missing.collect::<Vec<_>>().join("; "),
        )));
    }
    let switched = app.store.switch_live(&caller.actor(), id, enabled, app.now()).await?;
    Ok(reply::changed(switched.change_seq, view(enabled, requirements)))
}
