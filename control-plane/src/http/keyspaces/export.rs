use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::publisher::{Export, export};

/// Write the newest snapshot as one bundle.
///
/// The bytes that gates get, signed. `latchkey snapshot verify` and the key preview look into them without a server.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/snapshot:export",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    responses(
        (status = 200, description = "The bundle.", body = Vec<u8>, content_type = "application/vnd.latchkey.bundle"),
        (status = 409, description = "Nothing was published yet, or it has more than 4 MiB: `SNAPSHOT_NOT_EXPORTABLE`."),
    )
)]
pub(in crate::http) async fn export_snapshot(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
) -> Result<Response, Failure> {
    app.store.keyspace(caller.workspace(), id).await?;
    let refused = |detail: &str| Err(Failure::SnapshotNotExportable(detail.to_owned()));
    match export(&app, id).await? {
        Export::Nothing => refused("nothing was published of this keyspace yet; try again in a moment"),
        Export::TooLarge => refused("the snapshot does not fit into one bundle of 4 MiB"),
        Export::Bundle(bundle) => {
            let name = format!("attachment; filename=\"{id}.latchkey\"");
            let kind = "application/vnd.latchkey.bundle".to_owned();
            Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], bundle).into_response())
        }
    }
}
