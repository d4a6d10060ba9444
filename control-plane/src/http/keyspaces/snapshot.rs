use axum::Json;
use axum::extract::State;
use latchkey_snapshot::{Head, TagScheme, Trust, TrustedKey, UnverifiedHead, sha256};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::{KeyspaceId, Timestamp};
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::storage::{Publication, Signing};

/// What was last published of a keyspace, and the keys that its gates must trust.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SnapshotView {
    /// What a gate is configured with.
    #[schema(example = "ks_06nd5xbm0q3tz/any")]
    audience: String,
    epoch: u32,
    /// Rises with every head, heartbeats included; 0 before the first.
    seq: u64,
    /// The last change in the head.
    change_seq: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    issued_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    fresh_until: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<Timestamp>,
    /// `sha256`, or `hmac-sha256/` and the pepper's version.
    tag_scheme: String,
    /// Rows in the base.
    key_count: u64,
    /// SHA-256 in hex.
    head_hash: Option<String>,
    head_bytes: usize,
    base: Option<BaseView>,
    segments: Vec<SegmentView>,
    /// SHA-256 in hex.
    policy_hash: Option<String>,
    /// `ed25519:` and the 32 bytes in base64url without padding; while one key takes over from another, with the seconds since the epoch
    /// between which each signs: `;not_before=…;not_after=…`.
    trusted_keys: Vec<String>,
}

/// The base of a snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct BaseView {
    shard_bits: u8,
    /// The last change in the base.
    seq: u64,
    /// Index and shards together.
    bytes: u64,
}

/// A segment of a snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SegmentView {
    /// SHA-256 in hex.
    hash: String,
    bytes: u32,
    /// The last change in the segment.
    last_seq: u64,
}

/// Show what was last published.
#[utoipa::path(
    get,
    path = "/v1/keyspaces/{keyspace_id}/snapshot",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    responses((status = 200, description = "The newest head, taken apart.", body = SnapshotView))
)]
pub(in crate::http) async fn get_snapshot(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
) -> Result<Json<SnapshotView>, Failure> {
    let keyspace = app.store.keyspace(caller.workspace(), id).await?;
    let (_, _, signing) = app.store.publishing_state(id).await?.ok_or(Failure::Internal)?;
    let published = app.store.publication(id).await?;
    let mut view = SnapshotView {
        audience: format!("{id}/{}", keyspace.environment.as_str()),
        epoch: 0,
        seq: 0,
        change_seq: 0,
        issued_at: None,
        fresh_until: None,
        valid_until: None,
        tag_scheme: tag_scheme(TagScheme::Sha256),
        key_count: 0,
        head_hash: None,
        head_bytes: 0,
        base: None,
        segments: Vec::new(),
        policy_hash: None,
        trusted_keys: signing.trusted_texts(),
    };
    if let Some(published) = published {
        let head = verified_head(&published, &signing, app.now())?;
        fill(&mut view, &published, &head);
    }
    Ok(Json(view))
}

/// There is no way to a head's fields but through its verification, and that is just as well here.
fn verified_head(published: &Publication, signing: &Signing, now: Timestamp) -> Result<Head, Failure> {
    let verified = UnverifiedHead::parse(&published.head).and_then(|head| {
        let keys = signing.public_keys().map(TrustedKey::new).collect::<Result<_, _>>()?;
        let trust = Trust::new(head.unverified_audience(), keys);
        head.verify(&trust, now.as_seconds())
    });
    verified.map(|head| head.head().clone()).map_err(|refusal| {
        tracing::error!(%refusal, "the stored head does not verify");
        Failure::Internal
    })
}

fn fill(view: &mut SnapshotView, published: &Publication, head: &Head) {
    let time = |seconds: u64| Some(Timestamp(i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000)));
    view.audience = head.audience.to_string();
    view.epoch = head.epoch;
    view.seq = head.seq;
    view.change_seq = head.change_seq;
    view.issued_at = time(head.issued_at);
    view.fresh_until = time(head.fresh_until);
    view.valid_until = time(head.valid_until);
    view.tag_scheme = tag_scheme(head.tag_scheme);
    view.key_count = head.key_count;
    view.head_hash = Some(hex::encode(sha256(&published.head)));
    view.head_bytes = published.head.len();
    view.base = Some(BaseView {
        shard_bits: head.base.shard_bits,
        seq: head.base.change_seq,
        bytes: published.base_bytes,
    });
    view.segments = head
        .segments
        .iter()
        .map(|segment| SegmentView {
            hash: hex::encode(segment.object.sha256),
            bytes: segment.object.length,
            last_seq: segment.last_seq,
        })
        .collect();
    view.policy_hash = Some(hex::encode(head.policy.sha256));
}

fn tag_scheme(scheme: TagScheme) -> String {
    match scheme {
        TagScheme::Sha256 => "sha256".to_owned(),
        TagScheme::HmacSha256 { pepper_version } => format!("hmac-sha256/{pepper_version}"),
    }
}
