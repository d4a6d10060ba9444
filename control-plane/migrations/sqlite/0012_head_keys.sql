-- Keys that sign heads: one at a time, two while one takes over from the other. What is retired keeps its public half, by which old heads
-- are still recognized, and loses its private one.
CREATE TABLE IF NOT EXISTS head_keys (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    public_key  BLOB NOT NULL CHECK (length(public_key) = 32),
    sealed_seed BLOB,
    state       TEXT NOT NULL CHECK (state IN ('next', 'current', 'retired')),
    not_before  INTEGER NOT NULL,
    not_after   INTEGER,
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER,
    PRIMARY KEY (keyspace_id, public_key),
    CHECK ((state = 'retired') = (sealed_seed IS NULL)),
    CHECK ((state = 'retired') = (retired_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX IF NOT EXISTS head_keys_at_work ON head_keys (keyspace_id, state) WHERE state <> 'retired';

-- A key that was given up may be in the wrong hands.
CREATE TRIGGER IF NOT EXISTS head_keys_stay_retired BEFORE UPDATE ON head_keys WHEN old.state = 'retired' BEGIN
    SELECT raise(ABORT, 'a retired key stays retired');
END;

-- The table of before, should this run again without it.
CREATE TABLE IF NOT EXISTS signing_keys (
    keyspace_id INTEGER PRIMARY KEY,
    public_key  BLOB NOT NULL,
    sealed_seed BLOB NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- Trusted without a beginning: gates were told of these keys without one.
INSERT OR IGNORE INTO head_keys (keyspace_id, public_key, sealed_seed, state, not_before, created_at)
SELECT keyspace_id, public_key, sealed_seed, 'current', 0, created_at FROM signing_keys;

DROP TABLE signing_keys;
