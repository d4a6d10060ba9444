use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::KeyspaceId;
use crate::domain::environment::Requirement;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// The environments of a keyspace.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EnvironmentsView {
    test: TestView,
    live: LiveView,
}

/// Test keys always work.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct TestView {
    enabled: bool,
}

/// Live keys work once this is on.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LiveView {
    enabled: bool,
    requirements: Vec<RequirementView>,
}

/// Something that must be there before live is turned on.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RequirementView {
    /// `policy`, `gate` or `second_admin_key`.
    #[schema(example = "policy")]
    name: &'static str,
    met: bool,
    /// How to bring it about.
    how: String,
}

/// Show which environments are on, and what live needs.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/environments",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    responses((status = 200, description = "The environments.", body = EnvironmentsView))
)]
pub(in crate::http) async fn get_environments(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
) -> Result<Json<EnvironmentsView>, Failure> {
    let (enabled, requirements) = look(&app, &caller, id).await?;
    Ok(Json(view(enabled, requirements)))
}

/// Whether live is on, and what it needs.
pub(super) async fn look(
    app: &App,
    caller: &Caller,
    id: KeyspaceId,
) -> Result<(bool, Vec<Requirement>), Failure> {
    let keyspace = app.store.keyspace(caller.workspace(), id).await?;
    let switch = app.store.live_switch(caller.workspace(), id).await?;
    let policy = app.store.policy(caller.workspace(), id).await?;
    let acknowledged = keyspace.gates.iter().any(|gate| app.propagation.of(id, gate).acked_at.is_some());
    Ok((switch.enabled, switch.requirements(id, &policy, acknowledged)))
}

pub(super) fn view(enabled: bool, requirements: Vec<Requirement>) -> EnvironmentsView {
    let requirements =
        requirements.into_iter().map(|Requirement { name, met, how }| RequirementView { name, met, how });
    EnvironmentsView {
        test: TestView { enabled: true },
        live: LiveView { enabled, requirements: requirements.collect() },
    }
}
