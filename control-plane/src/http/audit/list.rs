use axum::Json;
use axum::extract::State;

use super::view::AuditEntryView;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::domain::error::ObjectKind;
use crate::http::caller::Caller;
use crate::http::params::Params;
use crate::http::problem::Failure;
use crate::http::reply::ListView;
use crate::storage::AuditFilter;

/// List what was done, newest first.
///
/// An admin key that is limited to keyspaces sees what concerned those.
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = "audit",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
        ("keyspace_id" = Option<String>, Query, description = "only what concerned this keyspace"),
        ("object" = Option<String>, Query, description = "only what was done to this object, by its id"),
        ("actor" = Option<String>, Query, description = "only what this admin key did, by its id, or `system`"),
    ),
    responses(
        (status = 200, description = "Part of the list.", body = ListView<AuditEntryView>),
        (status = 404, description = "The admin key does not reach that keyspace: `NOT_FOUND`."),
    )
)]
pub(in crate::http) async fn list_audit(
    caller: Caller,
    State(app): State<App>,
    mut params: Params,
) -> Result<Json<ListView<AuditEntryView>>, Failure> {
    let page = params.page();
    let keyspace = params.take("keyspace_id", str::parse::<KeyspaceId>);
    let text = |text: &str| Ok::<_, &str>(text.to_owned());
    let (object, actor) = (params.take("object", text), params.take("actor", text));
    params.finish()?;
    let keyspaces = match keyspace {
        Some(keyspace) => {
            caller.require_reach(keyspace, ObjectKind::Keyspace)?;
            Some(vec![keyspace])
        }
        None => caller.admin_key().keyspaces.clone(),
    };
    let filter = AuditFilter { keyspaces, object, actor };
    let page = app.store.audit_page(caller.workspace(), filter, page).await?;
    Ok(Json(ListView::of(page, |entry| entry.seq, AuditEntryView::from)))
}
