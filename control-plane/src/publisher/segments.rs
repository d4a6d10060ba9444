//! Changes as segments, and which of them to merge.
//!
//! A segment is never decoded to be merged: the keys that changed since its beginning are read as they are now. So a key that
//! changed many times takes one row, and the database stays the only source of what is published.

use std::collections::BTreeMap;

use latchkey_snapshot::{BareRow, Changes, NewRow, OwnerKill, Profile, Reason, Revoke, limits, owner_tag};

use super::release::Segment;
use crate::domain::Restrictions;
use crate::storage::{BaseProfile, BaseRow, ChangesSince};

/// A segment is merged into the next one unless it is at least this many times as large. So sizes fall geometrically,
/// there are few of them, and a change is written again only a few times.
const RATIO: usize = 4;

/// How many of the newest segments a new one of `new_bytes` takes in.
pub(super) fn merged_by(segments: &[Segment], new_bytes: usize) -> usize {
    let mut size = new_bytes;
    let mut merged = 0;
    for segment in segments.iter().rev() {
        let would_be_too_many = segments.len() - merged + 1 > limits::SEGMENTS;
        if segment.bytes.len() >= RATIO * size && !would_be_too_many {
            break;
        }
        size += segment.bytes.len();
        merged += 1;
    }
    merged
}

/// What changed, as a segment says it.
pub(super) fn changes(since: &ChangesSince, roles: &BTreeMap<String, u16>) -> Changes {
    let owner_kills = since.owner_kills.iter().map(|kill| OwnerKill {
        owner: owner_tag(&kill.owner),
        seq: kill.seq,
        reason: Reason::Admin,
    });
    let owner_kills = owner_kills.collect();
    let mut changes = Changes { keyspace_kill: since.killed, owner_kills, ..Changes::default() };
    for key in &since.keys {
        for changed in &key.rows {
            if changed.row.revoked && !changed.shares_prefix {
                let mut prefix = [0; 8];
                prefix.copy_from_slice(&changed.row.tag[..8]);
                changes.revokes.push(Revoke { prefix, seq: key.change_seq, reason: Reason::Admin });
            } else {
                changes.upserts.push(row(&changed.row, roles));
            }
        }
    }
    changes
}

/// A secret as a row of a segment or shard. Role names that have no number yet belong to a later policy: the change that brought
/// them to this key comes after the one that numbers them, and with it the key comes again.
pub(super) fn row(row: &BaseRow, roles: &BTreeMap<String, u16>) -> NewRow {
    let BareRow { tag, key_number, expires_at, live, disabled, revoked } = bare(row);
    let profile = profile(&row.profile, roles);
    NewRow { tag, key_number, expires_at, live, disabled, revoked, profile }
}

/// What a row says apart from its profile.
pub(super) fn bare(row: &BaseRow) -> BareRow {
    BareRow {
        tag: row.tag,
        key_number: row.key_id.0,
        expires_at: row.expires_at.map(|at| at.as_seconds()),
        live: row.environment == latchkey_token::Environment::Live,
        disabled: !row.enabled,
        revoked: row.revoked,
    }
}

pub(super) fn profile(profile: &BaseProfile, roles: &BTreeMap<String, u16>) -> Profile {
    let metadata = Some(&profile.metadata).filter(|metadata| *metadata != "{}");
    Profile {
        owner: profile.owner.clone(),
        roles: profile.roles.iter().filter_map(|name| roles.get(name).copied()).collect(),
        grants: profile.permissions.clone(),
        metadata: metadata.cloned(),
        ..profile.restrictions.as_deref().map_or_else(Profile::default, Restrictions::published)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes_after(changes: usize, bytes: usize) -> Vec<usize> {
        let mut segments: Vec<Segment> = Vec::new();
        for seq in 0..changes as u64 {
            let merged = merged_by(&segments, bytes);
            let kept = segments.len() - merged;
            let size = bytes + segments.drain(kept..).map(|segment| segment.bytes.len()).sum::<usize>();
            segments.push(Segment::new(seq, seq + 1, vec![0; size], false).unwrap());
        }
        segments.iter().map(|segment| segment.bytes.len()).collect()
    }

    #[test]
    fn there_are_never_more_segments_than_a_head_may_list() {
        for changes in [1, 2, 9, 100, 1_000, 5_000] {
            let sizes = sizes_after(changes, 50);
            assert!(sizes.len() <= limits::SEGMENTS, "{changes}: {sizes:?}");
            assert_eq!(sizes.iter().sum::<usize>(), changes * 50);
        }
    }

    #[test]
    fn a_small_change_leaves_large_segments_as_they_are() {
        let large = Segment::new(0, 1, vec![0; 10_000], false).unwrap();
        assert_eq!(merged_by(std::slice::from_ref(&large), 100), 0);
        assert_eq!(merged_by(&[large], 5_000), 1);
    }
}
