use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::domain::KeyspaceId;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::shapes;
use crate::publisher::{Export, Portion, export};

/// What brings the next part.
const NEXT_PART: HeaderName = HeaderName::from_static("latchkey-next-part");

/// Write the newest snapshot as one bundle, or in parts.
///
/// The bytes that gates get, signed. `latchkey snapshot verify` and the key preview look into them without a server. A bundle has at most 4 MiB: with
/// `parts`, what is larger comes in several. The first one has everything but shards of the base, and the others, which follow as long as there is a
/// `Latchkey-Next-Part`, have those. If a new base is published in between, some shards belong to no part of the first: begin again.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/snapshot:export",
    tag = "keyspaces",
    params(
        ("keyspace_id" = String, Path),
        ("parts" = Option<bool>, Query, description = "several bundles if one is too small"),
        ("part" = inline(Option<shapes::SnapshotPart>), Query, description = "`Latchkey-Next-Part` of the part before"),
    ),
    responses(
        (
            status = 200,
            description = "The bundle.",
            body = Vec<u8>,
            content_type = "application/vnd.latchkey.bundle",
            headers(("Latchkey-Next-Part" = String, description = "Send it as `part` for the next one; absent: this was the last."))
        ),
        (status = 409, description = "Nothing was published yet, or it has more than 4 MiB: `SNAPSHOT_NOT_EXPORTABLE`."),
    )
)]
pub(in crate::http) async fn export_snapshot(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Response, Failure> {
    let in_parts = params.flag("parts");
    let after = params.take("part", shard_hash);
    params.finish()?;
    let portion = match after {
        Some(hash) => Portion::Above(hash),
        None if in_parts => Portion::First,
        None => Portion::Whole,
    };
    app.store.keyspace(caller.workspace(), id).await?;
    let refused = |detail: &str| Err(Failure::SnapshotNotExportable(detail.to_owned()));
    match export(&app, id, portion).await? {
        Export::Nothing => refused("nothing was published of this keyspace yet; try again in a moment"),
        Export::TooLarge => {
            refused("the snapshot does not fit into one bundle of 4 MiB; ask for it with parts=true")
        }
        Export::Bundle { bytes, next } => {
            let name = format!("attachment; filename=\"{id}.latchkey\"");
            let kind = "application/vnd.latchkey.bundle".to_owned();
            let next = next.map(|hash| [(NEXT_PART, hex::encode(hash))]);
            Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], next, bytes).into_response())
        }
    }
}

fn shard_hash(text: &str) -> Result<[u8; 32], &'static str> {
    let mut hash = [0; 32];
    let decoded = hex::decode_to_slice(text, &mut hash);
    let is_canonical = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if decoded.is_ok() && is_canonical {
        Ok(hash)
    } else {
        Err("must be the Latchkey-Next-Part of the part before")
    }
}
