-- What a base says of each secret, in as few columns as it takes: reading a column of a million rows costs as much as finding the rows. Takes the place
-- of `base_rows`, which no release had.
DROP TRIGGER IF EXISTS base_rows_come;
DROP TRIGGER IF EXISTS base_rows_go;
DROP TRIGGER IF EXISTS base_rows_follow_secrets;
DROP TRIGGER IF EXISTS base_rows_follow_keys;
DROP TRIGGER IF EXISTS base_rows_are_restricted;
DROP TRIGGER IF EXISTS base_rows_are_free;
DROP TABLE IF EXISTS base_rows;

-- A row as it has to be. The parts of a profile are divided by a character that no JSON has in it, and the owner, who may have any, comes last.
CREATE VIEW IF NOT EXISTS rows_to_pack (keyspace_id, tag, key_id, flags, dead_at, expires_at, profile) AS
    SELECT keyspace_id, tag, key_id, flags, min(ifnull(revoked_at, expires_at), ifnull(expires_at, revoked_at)), expires_at, profile
    FROM (
        SELECT t.keyspace_id, t.tag, t.key_id,
            (k.environment = 'live') | (k.enabled << 1) | ((k.revoked_at IS NOT NULL) << 2)
                | (EXISTS (SELECT 1 FROM key_restrictions WHERE key_id = k.id) << 3) AS flags,
            k.revoked_at, min(ifnull(k.expires_at, t.expires_at), ifnull(t.expires_at, k.expires_at)) AS expires_at,
            k.permissions || char(31) || k.roles || char(31) || k.metadata || ifnull(char(31) || k.owner, '') AS profile
        FROM secrets AS t JOIN keys AS k ON k.id = t.key_id
    );

CREATE TABLE IF NOT EXISTS packed_rows (
    keyspace_id INTEGER NOT NULL,
    tag         BLOB NOT NULL CHECK (length(tag) = 16),
    key_id      INTEGER NOT NULL,
    flags       INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 15),
    dead_at     INTEGER,
    expires_at  INTEGER,
    profile     TEXT NOT NULL,
    PRIMARY KEY (keyspace_id, tag)
) STRICT, WITHOUT ROWID;

INSERT INTO packed_rows SELECT * FROM rows_to_pack WHERE true ORDER BY keyspace_id, tag ON CONFLICT DO NOTHING;

-- Whichever statement changes a key, its rows follow within the same transaction.
CREATE TRIGGER IF NOT EXISTS packed_rows_come AFTER INSERT ON secrets BEGIN
    INSERT INTO packed_rows SELECT * FROM rows_to_pack WHERE keyspace_id = new.keyspace_id AND tag = new.tag;
END;

CREATE TRIGGER IF NOT EXISTS packed_rows_go AFTER DELETE ON secrets BEGIN
    DELETE FROM packed_rows WHERE keyspace_id = old.keyspace_id AND tag = old.tag;
END;

CREATE TRIGGER IF NOT EXISTS packed_rows_follow_secrets AFTER UPDATE OF expires_at ON secrets
WHEN new.expires_at IS NOT old.expires_at
BEGIN
    UPDATE packed_rows SET (flags, dead_at, expires_at, profile) =
        (SELECT flags, dead_at, expires_at, profile FROM rows_to_pack WHERE keyspace_id = new.keyspace_id AND tag = new.tag)
    WHERE keyspace_id = new.keyspace_id AND tag = new.tag;
END;

CREATE TRIGGER IF NOT EXISTS packed_rows_follow_keys
AFTER UPDATE OF environment, enabled, revoked_at, expires_at, owner, permissions, roles, metadata ON keys
BEGIN
    UPDATE packed_rows SET (flags, dead_at, expires_at, profile) = (
        SELECT flags, dead_at, expires_at, profile FROM rows_to_pack AS r
        WHERE r.keyspace_id = packed_rows.keyspace_id AND r.tag = packed_rows.tag
    ) WHERE (keyspace_id, tag) IN (SELECT keyspace_id, tag FROM secrets WHERE key_id = new.id);
END;

CREATE TRIGGER IF NOT EXISTS packed_rows_are_restricted AFTER INSERT ON key_restrictions BEGIN
    UPDATE packed_rows SET flags = flags | 8
    WHERE (keyspace_id, tag) IN (SELECT keyspace_id, tag FROM secrets WHERE key_id = new.key_id);
END;

CREATE TRIGGER IF NOT EXISTS packed_rows_are_free AFTER DELETE ON key_restrictions BEGIN
    UPDATE packed_rows SET flags = flags & ~8
    WHERE (keyspace_id, tag) IN (SELECT keyspace_id, tag FROM secrets WHERE key_id = old.key_id);
END;
