-- Times are milliseconds since the Unix epoch, UTC. Ids are the numbers behind their text form.

CREATE TABLE IF NOT EXISTS settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS workspaces (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS admin_keys (
    id           INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    digest       BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    start        TEXT NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS keyspaces (
    id            INTEGER PRIMARY KEY,
    workspace_id  INTEGER NOT NULL REFERENCES workspaces (id),
    name          TEXT NOT NULL,
    prefix        TEXT NOT NULL,
    environment   TEXT NOT NULL CHECK (environment IN ('any', 'test', 'live')),
    gates         TEXT NOT NULL CHECK (json_valid(gates)),
    fresh_seconds INTEGER NOT NULL CHECK (fresh_seconds <= valid_seconds),
    valid_seconds INTEGER NOT NULL,
    on_expired    TEXT NOT NULL CHECK (on_expired IN ('deny', 'allow')),
    change_seq    INTEGER NOT NULL DEFAULT 0,
    keys_created  INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
) STRICT;

CREATE INDEX IF NOT EXISTS keyspaces_of_workspace ON keyspaces (workspace_id, id DESC) WHERE deleted_at IS NULL;

CREATE TABLE IF NOT EXISTS policies (
    keyspace_id  INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    document     TEXT NOT NULL CHECK (json_valid(document)),
    role_numbers TEXT NOT NULL CHECK (json_valid(role_numbers)),
    updated_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS keys (
    id             INTEGER PRIMARY KEY,
    keyspace_id    INTEGER NOT NULL REFERENCES keyspaces (id),
    name           TEXT NOT NULL,
    description    TEXT NOT NULL,
    environment    TEXT NOT NULL CHECK (environment IN ('test', 'live')),
    owner          TEXT,
    tags           TEXT NOT NULL CHECK (json_valid(tags)),
    metadata       TEXT NOT NULL CHECK (json_valid(metadata)),
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    expires_at     INTEGER,
    permissions    TEXT NOT NULL CHECK (json_valid(permissions)),
    roles          TEXT NOT NULL CHECK (json_valid(roles)),
    change_seq     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    revoked_at     INTEGER,
    revoked_reason TEXT,
    CHECK (revoked_reason IS NULL OR revoked_at IS NOT NULL)
) STRICT;

CREATE INDEX IF NOT EXISTS keys_of_keyspace ON keys (keyspace_id, id DESC);
CREATE UNIQUE INDEX IF NOT EXISTS keys_live_name ON keys (keyspace_id, ifnull(owner, ''), name) WHERE revoked_at IS NULL;
CREATE INDEX IF NOT EXISTS keys_changed ON keys (keyspace_id, change_seq);

-- A revoked key stays revoked, whatever a program does.
CREATE TRIGGER IF NOT EXISTS keys_stay_revoked
BEFORE UPDATE OF revoked_at ON keys
WHEN old.revoked_at IS NOT NULL AND new.revoked_at IS NOT old.revoked_at
BEGIN
    SELECT raise(ABORT, 'a revoked key stays revoked');
END;

CREATE TABLE IF NOT EXISTS secrets (
    id          INTEGER PRIMARY KEY,
    key_id      INTEGER NOT NULL REFERENCES keys (id),
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    digest      BLOB NOT NULL CHECK (length(digest) = 32),
    tag         BLOB NOT NULL CHECK (length(tag) = 16),
    start       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS secrets_by_tag ON secrets (keyspace_id, tag);
CREATE INDEX IF NOT EXISTS secrets_of_key ON secrets (key_id, id);

CREATE TABLE IF NOT EXISTS changes (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    seq         INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    key_id      INTEGER,
    at          INTEGER NOT NULL,
    PRIMARY KEY (keyspace_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS changes_stay BEFORE UPDATE ON changes BEGIN
    SELECT raise(ABORT, 'the change log is append-only');
END;
CREATE TRIGGER IF NOT EXISTS changes_remain BEFORE DELETE ON changes BEGIN
    SELECT raise(ABORT, 'the change log is append-only');
END;

CREATE TABLE IF NOT EXISTS audit (
    workspace_id  INTEGER NOT NULL REFERENCES workspaces (id),
    seq           INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    actor         TEXT NOT NULL,
    request_id    TEXT NOT NULL,
    action        TEXT NOT NULL,
    object        TEXT NOT NULL,
    before        TEXT NOT NULL,
    after         TEXT NOT NULL,
    previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
    hash          BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (workspace_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER IF NOT EXISTS audit_remains BEFORE DELETE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;

CREATE TABLE IF NOT EXISTS signing_keys (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    public_key  BLOB NOT NULL CHECK (length(public_key) = 32),
    sealed_seed BLOB NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS publications (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    change_seq  INTEGER NOT NULL,
    head        BLOB NOT NULL,
    base_bytes  INTEGER NOT NULL,
    issued_at   INTEGER NOT NULL
) STRICT;

-- A gate refuses a head that is not newer, so a number that was used is used up.
CREATE TRIGGER IF NOT EXISTS publications_rise BEFORE UPDATE ON publications WHEN new.seq <= old.seq BEGIN
    SELECT raise(ABORT, 'the seq of a head never falls');
END;

CREATE TABLE IF NOT EXISTS bodies (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    bytes       BLOB NOT NULL,
    UNIQUE (keyspace_id, hash)
) STRICT;
