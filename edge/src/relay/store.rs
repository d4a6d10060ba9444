//! The relay's SQLite: one table of bodies, one of single values. Everything between two awaits is one transaction.

use latchkey_snapshot::{Head, HighWater, Kind, Refusal, Trust, UnverifiedHead};
use wasm_bindgen::JsValue;
use worker::{Error, Result, SqlStorage, SqlStorageValue, State};

/// `base` is the root page of the base that a page or shard was last reached from. `mirrored` says whether KV has the body;
/// a body that is dropped leaves its name until KV has dropped it too.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS object (
        sha256 BLOB PRIMARY KEY, kind INTEGER NOT NULL, body BLOB NOT NULL, base BLOB, stored_at INTEGER NOT NULL,
        mirrored INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dropped (sha256 BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS value (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
";
/// Seconds that a body without a head is kept: a base is uploaded in many bundles, and an isolate may still use the base before.
const GRACE_SECONDS: u64 = 3_600;

pub(super) struct Store(SqlStorage);

/// The head that the relay holds. It was verified when it was stored, and storage is this object's own.
pub(super) struct StoredHead {
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Head,
}

impl Store {
    pub(super) fn open(state: &State) -> Result<Self> {
        let sql = state.storage().sql();
        sql.exec(SCHEMA, None)?;
        Ok(Self(sql))
    }

    pub(super) fn head(&self) -> Result<Option<StoredHead>> {
        let Some(bytes) = self.value("head")? else { return Ok(None) };
        let fields = UnverifiedHead::parse(&bytes).map(|head| head.unverified_fields().clone());
        Ok(Some(StoredHead { fields: fields.map_err(damaged)?, bytes }))
    }

    /// What a head has to be above, under the keys that are trusted now.
    pub(super) fn high_water(&self, trust: &Trust) -> Result<Option<HighWater>> {
        let Some(bytes) = self.value("head")? else { return Ok(None) };
        UnverifiedHead::parse(&bytes).map(|head| head.high_water_under(trust)).map_err(damaged)
    }

    pub(super) fn set_head(&self, bytes: &[u8]) -> Result<()> {
        self.set_value("head", bytes)
    }

    /// Which head KV has, and when (milliseconds since the epoch) it was written.
    pub(super) fn mirrored_head(&self) -> Result<Option<(HighWater, f64)>> {
        let Some(value) = self.value("mirrored_head")? else { return Ok(None) };
        let (Some(epoch), Some(seq), Some(at)) =
            (value.first_chunk(), value.get(4..12).and_then(<[u8]>::first_chunk), value.last_chunk())
        else {
            return Ok(None);
        };
        let mark = HighWater { epoch: u32::from_le_bytes(*epoch), seq: u64::from_le_bytes(*seq) };
        Ok(Some((mark, f64::from_le_bytes(*at))))
    }

    pub(super) fn set_mirrored_head(&self, mark: HighWater, at_ms: f64) -> Result<()> {
        let mut value = mark.epoch.to_le_bytes().to_vec();
        value.extend_from_slice(&mark.seq.to_le_bytes());
        value.extend_from_slice(&at_ms.to_le_bytes());
        self.set_value("mirrored_head", &value)
    }

    pub(super) fn object(&self, sha256: &[u8; 32]) -> Result<Option<Vec<u8>>> {
        self.blobs("SELECT body FROM object WHERE sha256 = ?", vec![blob(sha256)])
            .map(|mut found| found.pop())
    }

    pub(super) fn has_object(&self, sha256: &[u8; 32]) -> Result<bool> {
        let found = self.blobs("SELECT sha256 FROM object WHERE sha256 = ?", vec![blob(sha256)])?;
        Ok(!found.is_empty())
    }

    pub(super) fn put_object(
        &self,
        sha256: &[u8; 32],
        kind: Kind,
        body: &[u8],
        base: &[u8; 32],
        now: u64,
    ) -> Result<()> {
        let in_base = matches!(kind, Kind::Page | Kind::Shard);
        let base = if in_base { blob(base) } else { SqlStorageValue::Null };
        let sql = "INSERT INTO object (sha256, kind, body, base, stored_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (sha256) DO UPDATE SET base = excluded.base, stored_at = excluded.stored_at";
        self.run(sql, vec![blob(sha256), kind_number(kind).into(), blob(body), base, seconds(now)])?;
        self.run("DELETE FROM dropped WHERE sha256 = ?", vec![blob(sha256)])
    }

    /// Says that a body which is held already is reached from this base.
    pub(super) fn keep_for_base(&self, sha256: &[u8; 32], base: &[u8; 32]) -> Result<()> {
        let sql = "UPDATE object SET base = ? WHERE sha256 = ? AND kind IN (?, ?)";
        let (page, shard) = (kind_number(Kind::Page), kind_number(Kind::Shard));
        self.run(sql, vec![blob(base), blob(sha256), page.into(), shard.into()])
    }

    /// Pages, then shards, of a base, without its root.
    pub(super) fn base_objects(&self, root: &[u8; 32]) -> Result<Vec<[u8; 32]>> {
        let sql = "SELECT sha256 FROM object WHERE base = ? AND sha256 <> ? ORDER BY kind, sha256";
        self.hashes(sql, vec![blob(root), blob(root)])
    }

    /// Drops bodies that the head does not lead to, once nobody can be waiting for them.
    pub(super) fn drop_unreached(&self, head: &Head, now: u64) -> Result<()> {
        let cutoff = now.saturating_sub(GRACE_SECONDS);
        let sql = "SELECT sha256 FROM object WHERE stored_at < ? AND (base IS NULL OR base <> ?)";
        let named = |sha256: &[u8; 32]| {
            head.policy.sha256 == *sha256
                || head.segments.iter().any(|segment| segment.object.sha256 == *sha256)
        };
        for sha256 in self.hashes(sql, vec![seconds(cutoff), blob(&head.base.root.sha256)])? {
            if !named(&sha256) {
                self.run("INSERT OR IGNORE INTO dropped SELECT sha256 FROM object WHERE sha256 = ? AND mirrored = 1", vec![blob(&sha256)])?;
                self.run("DELETE FROM object WHERE sha256 = ?", vec![blob(&sha256)])?;
            }
        }
        Ok(())
    }

    /// Bodies that KV lacks, at most `limit`.
    pub(super) fn unmirrored(&self, limit: i32) -> Result<Vec<[u8; 32]>> {
        self.hashes("SELECT sha256 FROM object WHERE mirrored = 0 LIMIT ?", vec![limit.into()])
    }

    pub(super) fn set_mirrored(&self, sha256: &[u8; 32]) -> Result<()> {
        self.run("UPDATE object SET mirrored = 1 WHERE sha256 = ?", vec![blob(sha256)])
    }

    /// Dropped bodies that KV still has, at most `limit`.
    pub(super) fn dropped(&self, limit: i32) -> Result<Vec<[u8; 32]>> {
        self.hashes("SELECT sha256 FROM dropped LIMIT ?", vec![limit.into()])
    }

    pub(super) fn forget_dropped(&self, sha256: &[u8; 32]) -> Result<()> {
        self.run("DELETE FROM dropped WHERE sha256 = ?", vec![blob(sha256)])
    }

    fn value(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.blobs("SELECT value FROM value WHERE name = ?", vec![name.into()]).map(|mut found| found.pop())
    }

    fn set_value(&self, name: &str, value: &[u8]) -> Result<()> {
        let sql = "INSERT INTO value (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.run(sql, vec![name.into(), blob(value)])
    }

    fn run(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<()> {
        self.0.exec(sql, values).map(drop)
    }

    fn hashes(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Vec<[u8; 32]>> {
        let found = self.blobs(sql, values)?;
        Ok(found.into_iter().filter_map(|bytes| bytes.try_into().ok()).collect())
    }

    /// The first column of every row.
    fn blobs(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Vec<Vec<u8>>> {
        let cursor = self.0.exec(sql, values)?;
        let Some(name) = cursor.column_names().into_iter().next() else { return Ok(Vec::new()) };
        let name = JsValue::from_str(&name);
        cursor.map(|row| Ok(super::to_bytes(&js_sys::Reflect::get(&row?, &name)?))).collect()
    }
}

fn damaged(refusal: Refusal) -> Error {
    Error::RustError(format!("the stored head {refusal}"))
}

fn blob(bytes: &[u8]) -> SqlStorageValue {
    SqlStorageValue::Blob(bytes.to_vec())
}

fn seconds(seconds: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Pages come before shards, as receivers need them.
fn kind_number(kind: Kind) -> i32 {
    match kind {
        Kind::Policy => 0,
        Kind::Segment => 1,
        Kind::Page => 2,
        Kind::Shard => 3,
    }
}
