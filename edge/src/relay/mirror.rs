//! Copying what the relay holds to KV: bodies first, then the head, which KV takes at most once a second for one name.

use latchkey_snapshot::Audience;
use worker::{Env, Result};

use super::store::Store;
use crate::clock;
use crate::sources::kv::Kv;

/// KV's own limit for writes to one key.
const HEAD_INTERVAL_MS: f64 = 1_000.0;
/// After a failed write.
const RETRY_MS: u64 = 5_000;
/// Writes in one run; the platform allows a request 1,000 calls.
const BATCH: i32 = 200;

/// Milliseconds until the head may be written again.
pub(super) fn wait_ms(store: &Store, now_ms: f64) -> Result<u64> {
    let due = store.mirrored_head()?.map_or(0.0, |(_, written_at)| written_at + HEAD_INTERVAL_MS - now_ms);
    // `as` saturates: what is overdue is due now.
    Ok(due as u64)
}

/// One step towards KV being up to date. Returns in how many milliseconds to run again, if there is more to do.
pub(super) async fn run(env: &Env, audience: Audience, store: &Store) -> Result<Option<u64>> {
    let Ok(kv) = Kv::connect(env) else { return Ok(None) };
    let bodies = store.unmirrored(BATCH)?;
    for sha256 in &bodies {
        let Some(body) = store.object(sha256)? else { continue };
        if kv.put_object(sha256, &body).await.is_err() {
            return Ok(Some(RETRY_MS));
        }
        store.set_mirrored(sha256)?;
    }
    // Those that came in meanwhile too: from here to the head's write nothing comes between.
    if !store.unmirrored(1)?.is_empty() {
        return Ok(Some(0));
    }
    if let Some(head) = store.head()?
        && store.mirrored_head()?.is_none_or(|(mark, _)| mark != head.fields.high_water())
    {
        let now_ms = clock::now_ms();
        let wait = wait_ms(store, now_ms)?;
        if wait > 0 {
            return Ok(Some(wait));
        }
        if kv.put_head(audience, &head.bytes).await.is_err() {
            return Ok(Some(RETRY_MS));
        }
        store.set_mirrored_head(head.fields.high_water(), now_ms)?;
    }
    drop_bodies(&kv, store).await
}

/// After the head: until then KV's head may lead to what was dropped here.
async fn drop_bodies(kv: &Kv, store: &Store) -> Result<Option<u64>> {
    let dropped = store.dropped(BATCH)?;
    for sha256 in &dropped {
        if kv.delete_object(sha256).await.is_err() {
            return Ok(Some(RETRY_MS));
        }
        store.forget_dropped(sha256)?;
    }
    Ok((dropped.len() == BATCH as usize).then_some(0))
}
