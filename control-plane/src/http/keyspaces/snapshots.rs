use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::{KeyspaceId, Timestamp};
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::problem::Failure;
use crate::http::reply::ListView;
use crate::http::shapes;
use crate::storage::PublishedHead;

/// A snapshot that brought something. Those after it that were only signed anew, so that gates know that they are not cut off, are
/// counted with it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PublishedHeadView {
    epoch: u32,
    /// The number of its head.
    seq: u64,
    /// That of the last head that said the same.
    last_seq: u64,
    /// The last change in it.
    change_seq: u64,
    /// What it brought that the one before did not have.
    #[schema(value_type = shapes::HeadKind)]
    kind: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the last head was signed that said the same.
    #[schema(value_type = String, format = DateTime)]
    last_signed_at: Timestamp,
    /// Rows in the base: one for each secret.
    rows: u64,
    segments: u32,
    /// All that a gate without anything would fetch.
    bytes: u64,
    /// Ids of the keys that signed it.
    #[schema(example = json!(["21fe31dfa154a261"]))]
    signers: Vec<String>,
    /// Its base was held back, because it had far fewer or far more keys, until somebody consented to it.
    overridden: bool,
}

impl From<PublishedHead> for PublishedHeadView {
    fn from(head: PublishedHead) -> Self {
        Self {
            epoch: head.epoch,
            seq: head.first_seq,
            last_seq: head.last_seq,
            change_seq: head.change_seq,
            kind: head.kind.as_str(),
            created_at: head.first_issued_at,
            last_signed_at: head.last_issued_at,
            rows: head.row_count,
            segments: head.segment_count,
            bytes: head.bytes,
            signers: head.signers,
            overridden: head.consented,
        }
    }
}

/// List what was published, newest first.
///
/// The newest 2,000 snapshots that brought something are kept.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/snapshots",
    tag = "keyspaces",
    params(
        ("keyspace_id" = String, Path),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
    ),
    responses((status = 200, description = "Part of the list.", body = ListView<PublishedHeadView>))
)]
pub(in crate::http) async fn list_snapshots(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    mut params: Params,
) -> Result<Json<ListView<PublishedHeadView>>, Failure> {
    let page = params.page();
    params.finish()?;
    let page = app.store.published_heads(caller.workspace(), id, page).await?;
    Ok(Json(ListView::of(page, |head| head.number, PublishedHeadView::from)))
}
