-- Consent to a base that has far fewer or far more rows than the one before, named by its last change. Used up by that base.
CREATE TABLE IF NOT EXISTS guard_overrides (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    change_seq  INTEGER NOT NULL
) STRICT;
