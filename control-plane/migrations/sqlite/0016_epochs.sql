-- Epochs that operators have begun; without a row the first one.
CREATE TABLE IF NOT EXISTS epochs (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    epoch       INTEGER NOT NULL
) STRICT;

CREATE TRIGGER IF NOT EXISTS epochs_rise BEFORE UPDATE ON epochs WHEN new.epoch <= old.epoch BEGIN
    SELECT raise(ABORT, 'an epoch never falls');
END;

-- Heads that gates or sinks hold and this database never signed. While there is one, nothing of the keyspace is published.
CREATE TABLE IF NOT EXISTS foreign_heads (
    keyspace_id      INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    place            TEXT NOT NULL,
    head             BLOB NOT NULL,
    -- The last change that this database had published when the first one was found.
    known_change_seq INTEGER NOT NULL,
    found_at         INTEGER NOT NULL
) STRICT;
