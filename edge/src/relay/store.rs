//! The relay's SQLite: bodies, the bases that were current lately, and single values. Everything between two awaits is one transaction.

use std::collections::BTreeSet;

use latchkey_snapshot::{HashedBody, Head, HighWater, Kind, ObjectRef, UnverifiedHead};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use worker::{Error, Result, SqlStorage, SqlStorageValue, State};

/// `base` is the root page of a base that leads to a page or shard: of the current one, if that does. `mirrored` says whether KV has the body;
/// a body that is dropped leaves its name until KV has dropped it too. The indices spare each commit, and each look for what KV lacks, a walk
/// through all bodies.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS object (
        sha256 BLOB PRIMARY KEY, kind INTEGER NOT NULL, body BLOB NOT NULL, base BLOB, stored_at INTEGER NOT NULL,
        mirrored INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS object_of_base ON object (base, stored_at);
    CREATE INDEX IF NOT EXISTS object_unmirrored ON object (sha256) WHERE mirrored = 0;
    CREATE TABLE IF NOT EXISTS former_base (root BLOB PRIMARY KEY, left_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dropped (sha256 BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS value (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
";
/// Seconds that a body without a head is kept: a base is uploaded in many bundles, and an isolate may still use the base before.
const GRACE_SECONDS: u64 = 3_600;
/// Hashes in one query: 32 KiB of them, or 270 KiB as the text that they are handed over in.
const HASHES_AT_ONCE: usize = 4_096;
/// Index pages that are read at once; each has at most 36 KiB.
const PAGES_AT_ONCE: usize = 32;
/// The hashes of a parameter; see [`list`].
const LISTED: &str = "(SELECT unhex(value) FROM json_each(?1))";

pub(super) struct Store(SqlStorage);

/// The head that the relay holds. It was verified when it was stored, and storage is this object's own.
pub(super) struct StoredHead {
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Head,
}

#[derive(Deserialize)]
struct Found {
    count: u64,
    bytes: u64,
}

impl Store {
    pub(super) fn open(state: &State) -> Result<Self> {
        let sql = state.storage().sql();
        sql.exec(SCHEMA, None)?;
        Ok(Self(sql))
    }

    pub(super) fn head(&self) -> Result<Option<StoredHead>> {
        let Some(bytes) = self.head_bytes()? else { return Ok(None) };
        let fields = parse_head(&bytes)?.unverified_fields().clone();
        Ok(Some(StoredHead { fields, bytes }))
    }

    /// For [`parse_head`].
    pub(super) fn head_bytes(&self) -> Result<Option<Vec<u8>>> {
        self.value("head")
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

    /// Those of these pages that are there, in any order.
    pub(super) fn pages(&self, pages: &[ObjectRef]) -> Result<Vec<HashedBody>> {
        let sql = format!("SELECT body FROM object WHERE sha256 IN {LISTED}");
        let mut found = Vec::with_capacity(pages.len());
        for some in pages.chunks(PAGES_AT_ONCE) {
            found.extend(
                self.blobs(&sql, vec![list(some.iter().map(|object| &object.sha256))])?
                    .into_iter()
                    .map(HashedBody::compute),
            );
        }
        Ok(found)
    }

    /// Whether each of these, no two of which are the same, is there. Reads none of them: what is stored was hashed before.
    pub(super) fn has_all(&self, objects: &[ObjectRef]) -> Result<bool> {
        let sql = format!(
            "SELECT count(*) AS count, ifnull(sum(length(body)), 0) AS bytes FROM object WHERE sha256 IN {LISTED}"
        );
        for some in objects.chunks(HASHES_AT_ONCE) {
            let bytes: u64 = some.iter().map(|object| u64::from(object.length)).sum();
            let found: Found =
                self.0.exec(&sql, vec![list(some.iter().map(|object| &object.sha256))])?.one()?;
            if found.count != some.len() as u64 || found.bytes != bytes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stores a body that was reached from `base`, or says that it was again. What the `current` base leads to goes on to be known as its own:
    /// the other one may never be complete.
    pub(super) fn put_object(
        &self,
        body: &HashedBody,
        kind: Kind,
        base: &[u8; 32],
        current: Option<&[u8; 32]>,
        now: u64,
    ) -> Result<()> {
        let sha256 = body.object().sha256;
        let in_base = matches!(kind, Kind::Page | Kind::Shard);
        let base = if in_base { blob(base) } else { SqlStorageValue::Null };
        let current = current.map_or(SqlStorageValue::Null, |root| blob(root));
        let sql = "INSERT INTO object (sha256, kind, body, base, stored_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (sha256) DO UPDATE SET stored_at = excluded.stored_at,
             base = CASE WHEN base = ?6 THEN base ELSE excluded.base END";
        let values =
            vec![blob(&sha256), kind_number(kind).into(), blob(body.bytes()), base, seconds(now), current];
        self.run(sql, values)?;
        self.run("DELETE FROM dropped WHERE sha256 = ?", vec![blob(&sha256)])
    }

    /// Makes a base, all of which is held, the current one. What only the one before leads to is kept for as long as an isolate may use it.
    pub(super) fn change_base(
        &self,
        base: &[u8; 32],
        before: Option<&[u8; 32]>,
        objects: &[ObjectRef],
        now: u64,
    ) -> Result<()> {
        let sql = format!("UPDATE object SET base = ?2 WHERE kind IN (?3, ?4) AND sha256 IN {LISTED}");
        let (page, shard) = (kind_number(Kind::Page), kind_number(Kind::Shard));
        for some in objects.chunks(HASHES_AT_ONCE) {
            self.run(
                &sql,
                vec![list(some.iter().map(|object| &object.sha256)), blob(base), page.into(), shard.into()],
            )?;
        }
        if let Some(before) = before {
            let sql = "INSERT INTO former_base (root, left_at) VALUES (?, ?) ON CONFLICT (root) DO UPDATE SET left_at = excluded.left_at";
            self.run(sql, vec![blob(before), seconds(now)])?;
        }
        Ok(())
    }

    /// Pages, then shards, of a base, without its root.
    pub(super) fn base_objects(&self, root: &[u8; 32]) -> Result<Vec<[u8; 32]>> {
        let sql = "SELECT sha256 FROM object WHERE base = ? AND sha256 <> ? ORDER BY kind, sha256";
        self.hashes(sql, vec![blob(root), blob(root)])
    }

    /// Drops bodies that the head does not lead to, once nobody can be waiting for them.
    pub(super) fn drop_unreached(&self, head: &Head, now: u64) -> Result<()> {
        let cutoff = now.saturating_sub(GRACE_SECONDS);
        self.run("DELETE FROM former_base WHERE left_at < ?", vec![seconds(cutoff)])?;
        let named: BTreeSet<_> = head
            .segments
            .iter()
            .map(|segment| segment.object)
            .chain([head.policy])
            .map(|o| o.sha256)
            .collect();
        let old = |of: &str| {
            format!("SELECT sha256 FROM object INDEXED BY object_of_base WHERE {of} AND stored_at < ?1")
        };
        let left = "base NOT IN (SELECT root FROM former_base)";
        // Left to itself SQLite walks through all bodies.
        let sql = [
            old("base IS NULL"),
            old(&format!("base < ?2 AND {left}")),
            old(&format!("base > ?2 AND {left}")),
        ];
        let mut unreached =
            self.hashes(&sql.join(" UNION ALL "), vec![seconds(cutoff), blob(&head.base.root.sha256)])?;
        unreached.retain(|sha256| !named.contains(sha256));
        for some in unreached.chunks(HASHES_AT_ONCE) {
            let sql = format!(
                "INSERT OR IGNORE INTO dropped SELECT sha256 FROM object WHERE mirrored = 1 AND sha256 IN {LISTED}"
            );
            self.run(&sql, vec![list(some.iter())])?;
            self.run(&format!("DELETE FROM object WHERE sha256 IN {LISTED}"), vec![list(some.iter())])?;
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

/// The stored head with its signatures.
///
/// # Errors
/// If the storage is damaged.
pub(super) fn parse_head(bytes: &[u8]) -> Result<UnverifiedHead<'_>> {
    UnverifiedHead::parse(bytes).map_err(|refusal| Error::RustError(format!("the stored head {refusal}")))
}

fn blob(bytes: &[u8]) -> SqlStorageValue {
    SqlStorageValue::Blob(bytes.to_vec())
}

fn seconds(seconds: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Hashes as a parameter for [`LISTED`]; a query takes no more than 100 parameters.
fn list<'a>(hashes: impl ExactSizeIterator<Item = &'a [u8; 32]>) -> SqlStorageValue {
    let mut text = String::with_capacity(hashes.len() * 67 + 2);
    for sha256 in hashes {
        text.push(if text.is_empty() { '[' } else { ',' });
        text.push('"');
        text.push_str(&hex::encode(sha256));
        text.push('"');
    }
    text.push_str(if text.is_empty() { "[]" } else { "]" });
    text.into()
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
