-- What an admin key may do. A key without a row is no key.
CREATE TABLE IF NOT EXISTS admin_key_rights (
    admin_key_id INTEGER PRIMARY KEY REFERENCES admin_keys (id),
    scopes       TEXT NOT NULL CHECK (json_valid(scopes)),
    keyspaces    TEXT CHECK (keyspaces IS NULL OR json_valid(keyspaces)),
    expires_at   INTEGER,
    revoked_at   INTEGER
) STRICT;

-- Admin keys from before there were scopes could do everything.
INSERT INTO admin_key_rights (admin_key_id, scopes) SELECT id, '["*"]' FROM admin_keys WHERE true
ON CONFLICT (admin_key_id) DO NOTHING;

CREATE TRIGGER IF NOT EXISTS admin_keys_stay_revoked
BEFORE UPDATE OF revoked_at ON admin_key_rights
WHEN old.revoked_at IS NOT NULL AND new.revoked_at IS NOT old.revoked_at
BEGIN
    SELECT raise(ABORT, 'a revoked admin key stays revoked');
END;

CREATE INDEX IF NOT EXISTS admin_keys_of_workspace ON admin_keys (workspace_id, id DESC);

-- A deleted role keeps its row, so that its number is never used again: a profile in an old base names it.
CREATE TABLE IF NOT EXISTS roles (
    id          INTEGER PRIMARY KEY,
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    number      INTEGER NOT NULL CHECK (number BETWEEN 1 AND 16384),
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    grants      TEXT NOT NULL CHECK (json_valid(grants)),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS roles_by_number ON roles (keyspace_id, number);
CREATE UNIQUE INDEX IF NOT EXISTS roles_by_name ON roles (keyspace_id, name) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS roles_of_keyspace ON roles (keyspace_id, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS keys_with_roles ON keys (keyspace_id) WHERE roles <> '[]';

-- Roles used to stand in the policy. Their ids begin with the moment of the policy's last change, as other ids do, and
-- end in the role's number.
INSERT INTO roles (id, keyspace_id, number, name, description, grants, created_at, updated_at, deleted_at)
SELECT ((p.updated_at - 1577836800000) << 22) | ((p.keyspace_id & 127) << 15) | n.value,
       p.keyspace_id, n.value, n.key, '', ifnull(json_extract(r.value, '$.grants'), '[]'), p.updated_at, p.updated_at,
       iif(r.value IS NULL, p.updated_at, NULL)
FROM policies AS p
JOIN json_each(p.role_numbers) AS n
LEFT JOIN json_each(p.document, '$.roles') AS r ON json_extract(r.value, '$.name') = n.key
WHERE true
ON CONFLICT (keyspace_id, number) DO NOTHING;

-- From now on the policy holds none, and its role_numbers are no longer read.
UPDATE policies SET document = json_remove(document, '$.roles') WHERE json_type(document, '$.roles') IS NOT NULL;

-- Whether live keys of a keyspace work. Without a row they do not.
CREATE TABLE IF NOT EXISTS live_switches (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    changed_at  INTEGER NOT NULL
) STRICT;

-- Live keys from before there was a switch keep working.
INSERT INTO live_switches (keyspace_id, enabled, changed_at)
SELECT id, 1, updated_at FROM keyspaces AS s
WHERE EXISTS (SELECT 1 FROM keys AS k WHERE k.keyspace_id = s.id AND k.environment = 'live')
ON CONFLICT (keyspace_id) DO NOTHING;

-- Where an audited request came from and which keyspace it concerned. The row's hash covers both.
CREATE TABLE IF NOT EXISTS audit_origins (
    workspace_id INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    source       TEXT NOT NULL,
    keyspace_id  INTEGER,
    PRIMARY KEY (workspace_id, seq),
    FOREIGN KEY (workspace_id, seq) REFERENCES audit (workspace_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS audit_origins_stay BEFORE UPDATE ON audit_origins BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER IF NOT EXISTS audit_origins_remain BEFORE DELETE ON audit_origins BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;

-- Where each log ends, so that it shows when rows are cut off its end.
CREATE TABLE IF NOT EXISTS audit_ends (
    workspace_id INTEGER PRIMARY KEY REFERENCES workspaces (id),
    seq          INTEGER NOT NULL,
    hash         BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

INSERT INTO audit_ends (workspace_id, seq, hash)
SELECT workspace_id, max(seq), hash FROM audit GROUP BY workspace_id
ON CONFLICT (workspace_id) DO NOTHING;

-- Requests that named themselves with an Idempotency-Key. `answer` is sealed: it may hold a token.
CREATE TABLE IF NOT EXISTS idempotency (
    admin_key_id INTEGER NOT NULL,
    name         TEXT NOT NULL,
    request      BLOB NOT NULL CHECK (length(request) = 32),
    claimed_at   INTEGER NOT NULL,
    answer       BLOB,
    PRIMARY KEY (admin_key_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS idempotency_by_age ON idempotency (claimed_at);
