use latchkey_snapshot::bundle::Intent;
use latchkey_snapshot::{HashedBody, Head, Kind, ObjectRef, TagScheme, sha256};
use serde::Serialize;

use super::file::SnapshotFile;
use crate::domain::Timestamp;

/// A head as people read it. The field order is that of the bytes.
#[derive(Serialize)]
pub(super) struct HeadView {
    audience: String,
    tag_scheme: String,
    epoch: u32,
    seq: u64,
    change_seq: u64,
    issued_at: Timestamp,
    fresh_until: Timestamp,
    valid_until: Timestamp,
    key_count: u64,
    previous: String,
    policy: ObjectView,
    base: BaseView,
    /// Key ids: the first 8 bytes of SHA-256 of each public key.
    signers: Vec<String>,
    head_hash: String,
    head_bytes: usize,
    segments: Vec<SegmentView>,
}

#[derive(Serialize)]
struct ObjectView {
    sha256: String,
    bytes: u32,
}

#[derive(Serialize)]
struct BaseView {
    change_seq: u64,
    shard_bits: u8,
    root: ObjectView,
}

#[derive(Serialize)]
struct SegmentView {
    sha256: String,
    bytes: u32,
    last_seq: u64,
}

/// A body of a bundle.
#[derive(Serialize)]
pub(super) struct BodyView {
    kind: &'static str,
    bytes: usize,
    sha256: String,
    pub(super) content: String,
}

impl HeadView {
    pub(super) fn of(head: &Head, signers: impl Iterator<Item = [u8; 8]>, bytes: &[u8]) -> Self {
        Self {
            audience: head.audience.to_string(),
            tag_scheme: match head.tag_scheme {
                TagScheme::Sha256 => "sha256".to_owned(),
                TagScheme::HmacSha256 { pepper_version } => format!("hmac-sha256/{pepper_version}"),
            },
            epoch: head.epoch,
            seq: head.seq,
            change_seq: head.change_seq,
            issued_at: time(head.issued_at),
            fresh_until: time(head.fresh_until),
            valid_until: time(head.valid_until),
            key_count: head.key_count,
            previous: hex::encode(head.previous),
            policy: object(&head.policy),
            base: BaseView {
                change_seq: head.base.change_seq,
                shard_bits: head.base.shard_bits,
                root: object(&head.base.root),
            },
            signers: signers.map(hex::encode).collect(),
            head_hash: hex::encode(sha256(bytes)),
            head_bytes: bytes.len(),
            segments: head
                .segments
                .iter()
                .map(|segment| SegmentView {
                    sha256: hex::encode(segment.object.sha256),
                    bytes: segment.object.length,
                    last_seq: segment.last_seq,
                })
                .collect(),
        }
    }
}

impl BodyView {
    pub(super) fn of(body: &HashedBody, content: String) -> Self {
        let kind = match body.kind() {
            Ok(Kind::Policy) => "policy",
            Ok(Kind::Segment) => "segment",
            Ok(Kind::Page) => "index page",
            Ok(Kind::Shard) => "shard",
            Err(_) => "unknown",
        };
        Self { kind, bytes: body.bytes().len(), sha256: hex::encode(body.object().sha256), content }
    }
}

/// What a file is, in two words.
pub(super) fn kind(file: &SnapshotFile<'_>) -> &'static str {
    match file.intent {
        None => "head",
        Some(Intent::Commit) => "bundle that is to be adopted",
        Some(Intent::StoreBodies) => "bundle that brings bodies for a later one",
    }
}

pub(super) fn time(seconds: u64) -> Timestamp {
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
}

fn object(object: &ObjectRef) -> ObjectView {
    ObjectView { sha256: hex::encode(object.sha256), bytes: object.length }
}
