-- The heads of a keyspace that brought something, each with those that followed and only said the same anew.
CREATE TABLE IF NOT EXISTS published_heads (
    keyspace_id     INTEGER NOT NULL REFERENCES keyspaces (id),
    -- Counts the rows of a keyspace; the oldest are forgotten by it.
    number          INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    first_seq       INTEGER NOT NULL,
    last_seq        INTEGER NOT NULL,
    change_seq      INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    first_issued_at INTEGER NOT NULL,
    last_issued_at  INTEGER NOT NULL,
    row_count       INTEGER NOT NULL,
    segment_count   INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    signers         TEXT NOT NULL,
    consented       INTEGER NOT NULL,
    base            BLOB NOT NULL CHECK (length(base) = 32),
    segments        BLOB NOT NULL CHECK (length(segments) = 32),
    UNIQUE (keyspace_id, number)
) STRICT;
