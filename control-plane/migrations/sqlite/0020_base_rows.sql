-- What a base says of each secret, in the order in which it says it: a base is built from this table alone, from its beginning to its end. The same
-- can be read from `secrets` and `keys`, by jumping about in both for each row.
CREATE TABLE IF NOT EXISTS base_rows (
    keyspace_id    INTEGER NOT NULL,
    tag            BLOB NOT NULL CHECK (length(tag) = 16),
    key_id         INTEGER NOT NULL,
    live           INTEGER NOT NULL CHECK (live IN (0, 1)),
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    revoked_at     INTEGER,
    key_expires_at INTEGER,
    expires_at     INTEGER,
    owner          TEXT,
    permissions    TEXT NOT NULL,
    roles          TEXT NOT NULL,
    metadata       TEXT NOT NULL,
    restricted     INTEGER NOT NULL CHECK (restricted IN (0, 1)),
    PRIMARY KEY (keyspace_id, tag)
) STRICT, WITHOUT ROWID;

INSERT INTO base_rows
    SELECT t.keyspace_id, t.tag, k.id, k.environment = 'live', k.enabled, k.revoked_at, k.expires_at, t.expires_at,
        k.owner, k.permissions, k.roles, k.metadata, EXISTS (SELECT 1 FROM key_restrictions WHERE key_id = k.id)
    FROM secrets AS t JOIN keys AS k ON k.id = t.key_id
    WHERE true ORDER BY t.keyspace_id, t.tag ON CONFLICT DO NOTHING;

-- Whichever statement changes a key, its rows follow within the same transaction.
CREATE TRIGGER IF NOT EXISTS base_rows_come AFTER INSERT ON secrets BEGIN
    INSERT INTO base_rows
        SELECT new.keyspace_id, new.tag, k.id, k.environment = 'live', k.enabled, k.revoked_at, k.expires_at, new.expires_at,
            k.owner, k.permissions, k.roles, k.metadata, EXISTS (SELECT 1 FROM key_restrictions WHERE key_id = k.id)
        FROM keys AS k WHERE k.id = new.key_id;
END;

CREATE TRIGGER IF NOT EXISTS base_rows_go AFTER DELETE ON secrets BEGIN
    DELETE FROM base_rows WHERE keyspace_id = old.keyspace_id AND tag = old.tag;
END;

CREATE TRIGGER IF NOT EXISTS base_rows_follow_secrets AFTER UPDATE OF expires_at ON secrets
WHEN new.expires_at IS NOT old.expires_at
BEGIN
    UPDATE base_rows SET expires_at = new.expires_at WHERE keyspace_id = new.keyspace_id AND tag = new.tag;
END;

CREATE TRIGGER IF NOT EXISTS secrets_stay_with_their_key BEFORE UPDATE OF key_id, keyspace_id, tag ON secrets
WHEN new.key_id IS NOT old.key_id OR new.keyspace_id IS NOT old.keyspace_id OR new.tag IS NOT old.tag
BEGIN
    SELECT raise(ABORT, 'a secret belongs to one key for ever');
END;

CREATE TRIGGER IF NOT EXISTS base_rows_follow_keys
AFTER UPDATE OF environment, enabled, revoked_at, expires_at, owner, permissions, roles, metadata ON keys
BEGIN
    UPDATE base_rows SET live = new.environment = 'live', enabled = new.enabled, revoked_at = new.revoked_at,
        key_expires_at = new.expires_at, owner = new.owner, permissions = new.permissions, roles = new.roles, metadata = new.metadata
    WHERE (keyspace_id, tag) IN (SELECT keyspace_id, tag FROM secrets WHERE key_id = new.id);
END;

CREATE TRIGGER IF NOT EXISTS base_rows_are_restricted AFTER INSERT ON key_restrictions BEGIN
    UPDATE base_rows SET restricted = 1
    WHERE (keyspace_id, tag) IN (SELECT keyspace_id, tag FROM secrets WHERE key_id = new.key_id);
END;

CREATE TRIGGER IF NOT EXISTS base_rows_are_free AFTER DELETE ON key_restrictions BEGIN
    UPDATE base_rows SET restricted = 0
    WHERE (keyspace_id, tag) IN (SELECT keyspace_id, tag FROM secrets WHERE key_id = old.key_id);
END;
