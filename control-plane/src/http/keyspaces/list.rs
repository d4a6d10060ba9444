use axum::Json;
use axum::extract::State;

use super::view::KeyspaceView;
use crate::app::App;
use crate::domain::{DomainError, Keyspace, KeyspaceId, Page, PageRequest, WorkspaceId};
use crate::http::caller::Caller;
use crate::http::params::Params;
use crate::http::problem::Failure;
use crate::http::reply::ListView;
use crate::storage::StoreError;

/// List keyspaces, newest first.
#[utoipa::path(
    get,
    path = "/v1/keyspaces",
    tag = "keyspaces",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<KeyspaceView>))
)]
pub(in crate::http) async fn list_keyspaces(
    caller: Caller,
    State(app): State<App>,
    mut params: Params,
) -> Result<Json<ListView<KeyspaceView>>, Failure> {
    let page = params.page();
    params.finish()?;
    let page = match &caller.admin_key().keyspaces {
        None => app.store.keyspaces(caller.workspace(), page).await?,
        Some(own) => among(&app, caller.workspace(), own, page).await?,
    };
    Ok(Json(ListView::of(page, |keyspace| keyspace.id.0, KeyspaceView::from)))
}

/// The list for an admin key that is limited to keyspaces: there are few of them, so they are looked up one by one.
async fn among(
    app: &App,
    workspace: WorkspaceId,
    own: &[KeyspaceId],
    page: PageRequest,
) -> Result<Page<Keyspace>, Failure> {
    let mut ids: Vec<_> =
        own.iter().copied().filter(|id| page.before.is_none_or(|before| id.0 < before)).collect();
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let mut items = Vec::new();
    for id in ids {
        match app.store.keyspace(workspace, id).await {
            Ok(keyspace) => items.push(keyspace),
            Err(StoreError::Refused(DomainError::NotFound(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Page::from_overfull(items, page.limit))
}
