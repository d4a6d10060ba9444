//! The nonces that a key's signatures have used (spec/signing.md section 4, step 9), a row for each: so long as a signature counts, its nonce is here.

use serde::Deserialize;
use worker::{Result, SqlStorage, SqlStorageValue, State};

use super::protocol::{NonceReply, NonceRequest};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS nonce (text TEXT PRIMARY KEY, ends_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS nonce_ends_at ON nonce (ends_at);
";
const HAS_TABLE: &str =
    "SELECT COUNT(*) AS count, NULL AS ends_at FROM sqlite_master WHERE type = 'table' AND name = 'nonce'";
const SUMMARY: &str = "SELECT COUNT(*) AS count, MAX(ends_at) AS ends_at FROM nonce";
/// Some 300 signed requests a second, when they count for five minutes. Only the key's holder can fill it.
const MOST: u64 = 100_000;
/// Seconds that a nonce is kept beyond its signature: the isolate that lets the signature count and this object have clocks of their own.
const CLOCK_MARGIN: u64 = 60;

/// What the table has.
#[derive(Default, Deserialize)]
pub(super) struct Nonces {
    count: u64,
    /// When the last of them ends, in seconds since the epoch.
    ends_at: Option<u64>,
}

impl Nonces {
    /// A ledger that was never told a nonce stays without the table.
    pub(super) fn load(state: &State) -> Result<Self> {
        let sql = state.storage().sql();
        let tables: Self = sql.exec(HAS_TABLE, None)?.one()?;
        if tables.count == 0 { Ok(Self::default()) } else { sql.exec(SUMMARY, None)?.one() }
    }

    /// Whether none is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// When there may be something to forget, in seconds since the epoch.
    pub(super) fn ends_at(&self) -> Option<u64> {
        self.ends_at.map(|ends_at| ends_at.saturating_add(1))
    }

    /// Takes a nonce once. Nothing runs between looking and writing: it is one statement.
    pub(super) fn take(&mut self, state: &State, request: &NonceRequest, now: u64) -> Result<NonceReply> {
        let sql = state.storage().sql();
        sql.exec(SCHEMA, None)?;
        if self.count >= MOST {
            self.forget_ended(state, now)?;
        }
        if self.count >= MOST {
            return Ok(NonceReply::Full);
        }
        let ends_at = request.counts_until.saturating_add(CLOCK_MARGIN);
        let values = vec![request.nonce.as_str().into(), seconds(ends_at)];
        let insert =
            "INSERT INTO nonce (text, ends_at) VALUES (?, ?) ON CONFLICT (text) DO NOTHING RETURNING text";
        let added = sql.exec(insert, values)?.raw().count();
        if added == 0 {
            return Ok(NonceReply::Used);
        }
        self.count += 1;
        self.ends_at = self.ends_at.max(Some(ends_at));
        Ok(NonceReply::New)
    }

    /// Drops those whose signatures count no more.
    pub(super) fn forget_ended(&mut self, state: &State, now: u64) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let sql: SqlStorage = state.storage().sql();
        sql.exec("DELETE FROM nonce WHERE ends_at < ?", vec![seconds(now)])?;
        *self = sql.exec(SUMMARY, None)?.one()?;
        Ok(())
    }
}

fn seconds(value: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
