use std::collections::{BTreeSet, HashMap};

use latchkey_validator::Code;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::super::restrictions;
use super::super::rows::{number, unsigned};
use super::{DROPPED, WHOLE_KEYSPACE};
use crate::domain::id::first_number_at;
use crate::domain::{Hour, KeyId, Keyspace, KeyspaceId, RequestReport, SecretId, Timestamp, UsageReport};
use crate::storage::{StoreError, Taken};

/// Places behind a taken one that are tried for a request of the same millisecond.
const TRIES: u64 = 32;
/// Low bits of a request's number, below its time.
const LOW_BITS: u32 = 22;

/// Also says whether webhooks have something to hear of it.
pub(super) fn take(
    connection: &Connection,
    keyspace: &Keyspace,
    report: &UsageReport,
    now: Timestamp,
) -> Result<(Taken, bool), StoreError> {
    let is_new = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO usage_batches (keyspace_id, batch_id, taken_at) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![number(keyspace.id.0), report.batch_id, now.0])?;
    if is_new == 0 {
        return Ok((Taken::Before, false));
    }
    let mut owners = Owners::new(connection, keyspace.id)?;
    let mut counts = Counts::default();
    let mut last_uses: HashMap<SecretId, (KeyId, &RequestReport)> = HashMap::new();
    let mut log = Log::open(connection, keyspace, report, now)?;
    for (index, request) in report.requests.iter().enumerate() {
        let (key, secret) = owners.of(request)?;
        counts.add(key, request);
        log.append(index, request, key, secret)?;
        if let (Some(key), Some(secret), true) = (key, secret, request.code.is_allowed()) {
            let last = last_uses.entry(secret).or_insert((key, request));
            if request.at > last.1.at {
                *last = (key, request);
            }
        }
    }
    counts.of_keyspace(Hour::of(now), DROPPED, report.dropped);
    counts.store(connection, keyspace.id)?;
    store_last_uses(connection, last_uses)?;
    let has_events = store_credits(connection, &mut owners, keyspace, report, now)?;
    Ok((Taken::Now, has_events))
}

/// Whose tokens were presented. A gate is believed only about keys of its own keyspace.
struct Owners<'c> {
    keyspace: KeyspaceId,
    by_tag: CachedStatement<'c>,
    by_key: CachedStatement<'c>,
    tags: HashMap<[u8; 8], Option<(KeyId, SecretId)>>,
    keys: HashMap<KeyId, bool>,
}

impl<'c> Owners<'c> {
    fn new(connection: &'c Connection, keyspace: KeyspaceId) -> Result<Self, StoreError> {
        let by_tag = connection.prepare_cached(
            "SELECT key_id, id FROM secrets WHERE keyspace_id = ?1 AND tag BETWEEN ?2 AND ?3 LIMIT 1",
        )?;
        let by_key = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM keys WHERE id = ?1 AND keyspace_id = ?2)")?;
        Ok(Self { keyspace, by_tag, by_key, tags: HashMap::new(), keys: HashMap::new() })
    }

    fn of(&mut self, request: &RequestReport) -> Result<(Option<KeyId>, Option<SecretId>), StoreError> {
        // Strangers' tags are not worth a look-up each. Of a revoked token the gate knows only the tag.
        if request.code == Code::NotFound {
            return Ok((None, None));
        }
        if let Some((key, secret)) = self.of_tag(request.tag)? {
            return Ok((Some(key), Some(secret)));
        }
        match request.key {
            Some(key) if self.has(key)? => Ok((Some(key), None)),
            _ => Ok((None, None)),
        }
    }

    fn of_tag(&mut self, tag: Option<[u8; 8]>) -> Result<Option<(KeyId, SecretId)>, StoreError> {
        let Some(prefix) = tag else { return Ok(None) };
        if let Some(known) = self.tags.get(&prefix) {
            return Ok(*known);
        }
        let (mut first, mut last) = ([0; 16], [0xff; 16]);
        first[..8].copy_from_slice(&prefix);
        last[..8].copy_from_slice(&prefix);
        let owner = self
            .by_tag
            .query_row(params![number(self.keyspace.0), first, last], |row| {
                Ok((KeyId(unsigned(row.get(0)?)), SecretId(unsigned(row.get(1)?))))
            })
            .optional()?;
        self.tags.insert(prefix, owner);
        Ok(owner)
    }

    fn has(&mut self, key: KeyId) -> Result<bool, StoreError> {
        if let Some(known) = self.keys.get(&key) {
            return Ok(*known);
        }
        let known = self.by_key.query_row([number(key.0), number(self.keyspace.0)], |row| row.get(0))?;
        self.keys.insert(key, known);
        Ok(known)
    }
}

/// The rows of the request log.
struct Log<'c, 'r> {
    insert: CachedStatement<'c>,
    keyspace: i64,
    gate: &'r str,
    /// Older requests would be removed at once.
    kept_since: Timestamp,
    low_bits: u64,
}

impl<'c, 'r> Log<'c, 'r> {
    fn open(
        connection: &'c Connection,
        keyspace: &Keyspace,
        report: &'r UsageReport,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let insert = connection.prepare_cached(
            "INSERT OR IGNORE INTO requests (keyspace_id, id, key_id, secret_id, code, status, method, path, route, address, colo, \
             seq, request_id, gate) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        // Reports of different isolates begin at different places of a millisecond, so that they seldom meet.
        let hash = Sha256::digest(report.batch_id.as_bytes());
        let low_bits = u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]));
        Ok(Self {
            insert,
            keyspace: number(keyspace.id.0),
            gate: &report.gate,
            kept_since: now.plus_days(-i64::from(keyspace.rules.request_log_days)),
            low_bits,
        })
    }

    fn append(
        &mut self,
        index: usize,
        request: &RequestReport,
        key: Option<KeyId>,
        secret: Option<SecretId>,
    ) -> Result<(), StoreError> {
        if request.at < self.kept_since {
            return Ok(());
        }
        let address = request.address.map(|address| address.to_canonical().to_string());
        for attempt in 0..TRIES {
            let low = (self.low_bits + index as u64 + attempt) & ((1 << LOW_BITS) - 1);
            let added = self.insert.execute(params![
                self.keyspace,
                number(first_number_at(request.at) | low),
                key.map(|key| number(key.0)),
                secret.map(|secret| number(secret.0)),
                request.code.number(),
                request.status,
                request.method,
                request.path,
                request.route,
                address,
                request.colo,
                number(request.seq),
                request.request_id,
                self.gate,
            ])?;
            if added == 1 {
                return Ok(());
            }
        }
        // Thirty-two requests of one millisecond side by side in a space of four million: the count has it, the log can do without.
        Ok(())
    }
}

#[derive(Default)]
struct Counts(HashMap<(i64, Hour, u8), u64>);

impl Counts {
    fn add(&mut self, key: Option<KeyId>, request: &RequestReport) {
        let (hour, code) = (Hour::of(request.at), request.code.number());
        self.of_keyspace(hour, code, 1);
        if let Some(key) = key {
            *self.0.entry((number(key.0), hour, code)).or_default() += 1;
        }
    }

    fn of_keyspace(&mut self, hour: Hour, code: u8, requests: u64) {
        if requests > 0 {
            *self.0.entry((WHOLE_KEYSPACE, hour, code)).or_default() += requests;
        }
    }

    fn store(self, connection: &Connection, keyspace: KeyspaceId) -> Result<(), StoreError> {
        let mut add = connection.prepare_cached(
            "INSERT INTO usage_hours (keyspace_id, key_id, hour, code, requests) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (keyspace_id, key_id, hour, code) DO UPDATE SET requests = min(requests + excluded.requests, 1 << 62)",
        )?;
        for ((key, hour, code), requests) in self.0 {
            let requests = i64::try_from(requests).unwrap_or(1 << 62);
            add.execute(params![number(keyspace.0), key, hour.0, code, requests])?;
        }
        Ok(())
    }
}

fn store_last_uses(
    connection: &Connection,
    last_uses: HashMap<SecretId, (KeyId, &RequestReport)>,
) -> Result<(), StoreError> {
    // Reports of several gates come in any order.
    let mut store = connection.prepare_cached(
        "INSERT INTO last_used (secret_id, key_id, at, address, colo) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (secret_id) DO UPDATE SET at = excluded.at, address = excluded.address, colo = excluded.colo \
         WHERE excluded.at > at",
    )?;
    for (secret, (key, request)) in last_uses {
        let address = request.address.map(|address| address.to_canonical().to_string());
        store.execute(params![number(secret.0), number(key.0), request.at.0, address, request.colo])?;
    }
    Ok(())
}

fn store_credits(
    connection: &Connection,
    owners: &mut Owners<'_>,
    keyspace: &Keyspace,
    report: &UsageReport,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut keys = BTreeSet::new();
    let mut store = connection.prepare_cached(
        "INSERT INTO reported_credits (key_id, unit, consumed, written_off, reported_at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (key_id, unit) DO UPDATE SET consumed = max(consumed, excluded.consumed), \
         written_off = max(written_off, excluded.written_off), reported_at = excluded.reported_at",
    )?;
    for credit in &report.credits {
        if owners.has(credit.key)? {
            let totals = (number(credit.consumed), number(credit.written_off));
            store.execute(params![number(credit.key.0), credit.unit, totals.0, totals.1, now.0])?;
            keys.insert(credit.key);
        }
    }
    let mut has_events = false;
    for key in keys {
        has_events |= restrictions::tell_levels_after_use(connection, keyspace.workspace_id, key, now)?;
    }
    Ok(has_events)
}
