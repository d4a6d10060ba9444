-- How a keyspace treats its keys: one row for each keyspace.
CREATE TABLE IF NOT EXISTS key_rules (
    keyspace_id         INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    keys_quota          INTEGER,
    owner_quota         INTEGER,
    leak_policy         TEXT NOT NULL CHECK (leak_policy IN ('revoke', 'disable', 'notify')),
    retention_days      INTEGER NOT NULL,
    default_expiry_days INTEGER,
    foreign_tokens      INTEGER NOT NULL CHECK (foreign_tokens IN (0, 1))
) STRICT;

INSERT INTO key_rules SELECT id, NULL, NULL, 'revoke', 30, 90, 0 FROM keyspaces WHERE true ON CONFLICT DO NOTHING;

-- Names that keys have in other systems. Most keys have none.
CREATE TABLE IF NOT EXISTS external_ids (
    key_id      INTEGER PRIMARY KEY REFERENCES keys (id),
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    external_id TEXT NOT NULL,
    UNIQUE (keyspace_id, external_id)
) STRICT;

-- What was said when a key was revoked, beside the reason.
CREATE TABLE IF NOT EXISTS revocation_notes (
    key_id INTEGER PRIMARY KEY REFERENCES keys (id),
    note   TEXT NOT NULL
) STRICT;

INSERT INTO revocation_notes
    SELECT id, revoked_reason FROM keys
    WHERE revoked_reason IS NOT NULL AND revoked_reason NOT IN ('unspecified', 'admin', 'leaked', 'holder')
    ON CONFLICT DO NOTHING;
UPDATE keys SET revoked_reason = 'unspecified'
    WHERE revoked_at IS NOT NULL AND ifnull(revoked_reason, '') NOT IN ('unspecified', 'admin', 'leaked', 'holder');

-- Tokens whose rows were purged: none is ever used again, and a segment that is merged later still has to say that they are dead.
CREATE TABLE IF NOT EXISTS purged_secrets (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    keyspace_id  INTEGER NOT NULL REFERENCES keyspaces (id),
    key_id       INTEGER NOT NULL,
    tag          BLOB NOT NULL CHECK (length(tag) = 16),
    change_seq   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS purged_secrets_changed ON purged_secrets (keyspace_id, change_seq);

CREATE INDEX IF NOT EXISTS secrets_by_digest ON secrets (digest);
CREATE INDEX IF NOT EXISTS secrets_ending ON secrets (keyspace_id, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS keys_revoked ON keys (keyspace_id, revoked_at) WHERE revoked_at IS NOT NULL;

-- A revocation can be taken back, but not that of a key that leaked, and its time never changes.
DROP TRIGGER IF EXISTS keys_stay_revoked;
CREATE TRIGGER IF NOT EXISTS leaked_keys_stay_revoked
BEFORE UPDATE OF revoked_at, revoked_reason ON keys
WHEN old.revoked_at IS NOT NULL
    AND ((old.revoked_reason = 'leaked' AND (new.revoked_at IS NULL OR new.revoked_reason IS NOT 'leaked'))
        OR (new.revoked_at IS NOT NULL AND new.revoked_at IS NOT old.revoked_at))
BEGIN
    SELECT raise(ABORT, 'a key that leaked stays revoked, and a revocation keeps its time');
END;
