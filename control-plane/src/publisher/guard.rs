//! What keeps a set of keys that nobody can have meant from being published: that of a wrong or restored database, or of a script that ran away.

use super::base::NewBase;
use super::release::Release;
use super::{HoldReason, PublishError};
use crate::domain::{KeyspaceId, Timestamp};
use crate::storage::Store;

/// A keyspace of at most this many rows may change as it likes.
const FREE_ROWS: u64 = 100;
/// A base keeps at least this part of the rows of the one before, in percent.
const KEPT_PERCENT: u64 = 95;
/// A base has at most so many times the rows that gates know.
const GROWTH: u64 = 2;
/// A new keyspace may grow as it likes for this long: somebody is moving in.
const MOVING_IN_DAYS: i64 = 1;
/// No change of a key adds more rows than it may have tokens.
const ROWS_OF_A_CHANGE: u64 = 8;
/// The smallest row of a segment.
const ROW_BYTES: usize = 32;

/// Why a base must not follow a release without somebody's consent, if it must not. `forgotten` is how many rows are missing because
/// they were dead for long.
pub(super) fn judge(
    current: &Release,
    rows_after: u64,
    forgotten: u64,
    created_at: Timestamp,
    now: Timestamp,
) -> Option<HoldReason> {
    let rows_before = current.head().key_count;
    let segments: usize = current.segments.iter().map(|segment| segment.bytes.len()).sum();
    let known_to_gates = rows_before + (segments / ROW_BYTES) as u64;
    if rows_before <= FREE_ROWS {
        None
    } else if (rows_after + forgotten) * 100 < rows_before * KEPT_PERCENT {
        Some(HoldReason::Shrink)
    } else if rows_after > known_to_gates * GROWTH && now > created_at.plus_days(MOVING_IN_DAYS) {
        Some(HoldReason::Growth)
    } else {
        None
    }
}

/// Counts the rows of a base a second time, by what the database says of its secrets and not by what was read from it.
///
/// # Errors
/// The two do not agree.
pub(super) async fn count_again(
    store: &dyn Store,
    id: KeyspaceId,
    base: &NewBase,
) -> Result<(), PublishError> {
    let secrets = store.base_row_count(id).await?;
    let Some((keyspace, _, _)) = store.publishing_state(id).await? else { return Ok(()) };
    // Whatever was written meanwhile may be in one of the counts alone.
    let slack = (keyspace.change_seq - base.named.change_seq) * ROWS_OF_A_CHANGE;
    let agrees = |count: u64| count.abs_diff(base.rows) <= slack;
    // Most keyspaces have no keys that were dead for long, and then there is no need to look at each.
    if agrees(secrets) {
        return Ok(());
    }
    let dead = store.dead_row_count(id, base.forgot_before).await?;
    if agrees(secrets.saturating_sub(dead)) {
        return Ok(());
    }
    Err(PublishError::Unverified(format!(
        "a base of {} rows was made of {secrets} secrets, of which {dead} are left out",
        base.rows
    )))
}
