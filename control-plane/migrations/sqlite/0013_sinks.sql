-- Where snapshots of a keyspace are written to, beside its gates. `target` says where, without the secret; that is sealed under the
-- master key, and NULL where none is needed.
CREATE TABLE IF NOT EXISTS sinks (
    keyspace_id   INTEGER NOT NULL REFERENCES keyspaces (id),
    name          TEXT NOT NULL,
    position      INTEGER NOT NULL,
    target        TEXT NOT NULL,
    sealed_secret BLOB,
    PRIMARY KEY (keyspace_id, name)
) STRICT, WITHOUT ROWID;
