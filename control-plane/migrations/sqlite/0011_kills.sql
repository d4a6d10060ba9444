-- A row shuts every key of its keyspace out, for as long as it is there. The keys stay as they are.
CREATE TABLE IF NOT EXISTS keyspace_kills (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    reason      TEXT NOT NULL
) STRICT;

-- When every key of an owner was revoked at once: told to gates in twelve bytes, however many keys that were.
CREATE TABLE IF NOT EXISTS owner_kills (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    seq         INTEGER NOT NULL,
    owner       TEXT NOT NULL,
    PRIMARY KEY (keyspace_id, seq)
) STRICT, WITHOUT ROWID;

-- A segment that is merged later still has to name them.
CREATE TRIGGER IF NOT EXISTS owner_kills_stay BEFORE UPDATE ON owner_kills BEGIN
    SELECT raise(ABORT, 'that an owner was revoked stays known');
END;
CREATE TRIGGER IF NOT EXISTS owner_kills_remain BEFORE DELETE ON owner_kills BEGIN
    SELECT raise(ABORT, 'that an owner was revoked stays known');
END;
