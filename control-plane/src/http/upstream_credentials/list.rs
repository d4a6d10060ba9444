use axum::Json;
use axum::extract::State;

use super::UpstreamCredentialView;
use crate::app::App;
use crate::domain::{KeyspaceId, UpstreamCredentialId};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId, PathIds};
use crate::http::problem::Failure;
use crate::http::reply::ListView;

/// List the upstream credentials of a keyspace, newest first.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/upstream-credentials",
    tag = "upstream credentials",
    params(
        ("keyspace_id" = String, Path),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<UpstreamCredentialView>))
)]
pub(in crate::http) async fn list_upstream_credentials(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<ListView<UpstreamCredentialView>>, Failure> {
    let page = params.page();
    params.finish()?;
    let page = app.store.upstream_credentials(caller.workspace(), keyspace, page).await?;
    Ok(Json(ListView::of(page, |credential| credential.id.0, UpstreamCredentialView::from)))
}

/// Show an upstream credential, without its value.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/upstream-credentials/{upstream_credential_id}",
    tag = "upstream credentials",
    params(("keyspace_id" = String, Path), ("upstream_credential_id" = String, Path)),
    responses((status = 200, description = "The credential.", body = UpstreamCredentialView))
)]
pub(in crate::http) async fn get_upstream_credential(
    caller: Caller,
    State(app): State<App>,
    PathIds(keyspace, id): PathIds<KeyspaceId, UpstreamCredentialId>,
) -> Result<Json<UpstreamCredentialView>, Failure> {
    Ok(Json(app.store.upstream_credential(caller.workspace(), keyspace, id).await?.into()))
}
