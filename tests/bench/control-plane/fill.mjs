// Keys written straight into the database of a control plane that is stopped: a million in seconds, where creating them one by one would take
// minutes. Every key has the rows that a created one has, so reads, lists, look-ups and publishing find what they would find. The logs of
// changes and of the audit get no rows; they are only ever appended to, and nothing that is measured reads them.
import { createHash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { idText, newToken } from "../../support/token.mjs";

/** How many of the keys are known afterwards, spread evenly: what is asked for is drawn from these. */
const KNOWN = 10_000;
/** What the times in ids count from: the start of 2020. */
const ID_EPOCH_MS = 1_577_836_800_000;
/** The filled keys are the oldest, and no id can meet one that the control plane makes. */
const AGE_MS = 86_400_000;

/** Fills the keyspace up to `total` keys. Returns ids and tokens of some of those that were added, and the keyspace's last change. */
export function fill({ database, keyspace, prefix, total }) {
  const db = new DatabaseSync(database);
  db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144");
  const { id: keyspaceId, change_seq: changeSeq } = keyspaceRow(db, keyspace);
  const present = db.prepare("SELECT count(*) AS count FROM keys").get().count;
  const known = insertKeys(db, { keyspaceId, prefix, present, count: total - present, changeSeq });
  const { change_seq: lastChange } = keyspaceRow(db, keyspace);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  settle(database);
  return { known, lastChange };
}

function keyspaceRow(db, keyspace) {
  const rows = db.prepare("SELECT id, change_seq FROM keyspaces");
  rows.setReadBigInts(true);
  return rows.all().find(({ id }) => idText("ks", id) === keyspace);
}

function insertKeys(db, { keyspaceId, prefix, present, count, changeSeq }) {
  const key = db.prepare(`INSERT INTO keys (id, keyspace_id, name, description, environment, owner, tags, metadata, enabled, permissions, roles,
    change_seq, created_at, updated_at) VALUES (?, ?, ?, '', 'test', ?, '[]', '{"plan":"gold"}', 1, '["hello:read"]', '[]', ?, ?, ?)`);
  const secret = db.prepare(`INSERT INTO secrets (id, key_id, keyspace_id, digest, tag, start, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const at = Date.now() - AGE_MS;
  const every = Math.ceil(count / KNOWN);
  const known = [];
  db.exec("BEGIN");
  for (let i = 0; i < count; i++) {
    // A number of its own in the low bits, where the control plane puts random ones.
    const id = (BigInt(Math.floor(at - ID_EPOCH_MS + i / 1_000)) << 22n) | BigInt(present + i);
    const token = i % every === 0 ? newToken(prefix, "test") : undefined;
    const digest = token ? createHash("sha256").update(token).digest() : randomBytes(32);
    const start = token ? token.slice(0, prefix.length + "_test_".length + 4) : `${prefix}_test_0000`;
    key.run(id, keyspaceId, `Filled ${present + i}`, `owner-${i % 1_000}`, changeSeq + BigInt(i + 1), at, at);
    secret.run(id, id, keyspaceId, digest, digest.subarray(0, 16), start, at);
    if (token) known.push({ id: idText("key", id), token });
  }
  db.prepare("UPDATE keyspaces SET change_seq = change_seq + ? WHERE id = ?").run(count, keyspaceId);
  db.exec("COMMIT");
  return known;
}

/** Waits until the disk has all of it, or the first measurement would wait for that. */
function settle(database) {
  const file = openSync(database, "r+");
  fsyncSync(file);
  closeSync(file);
}
