-- Bases that the guard holds back, as webhooks were told.
CREATE TABLE IF NOT EXISTS held_bases (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    reason      TEXT NOT NULL
) STRICT;

-- Gates that say that what was published is bad, as webhooks were told.
CREATE TABLE IF NOT EXISTS gate_refusals (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    gate        TEXT NOT NULL,
    code        TEXT NOT NULL,
    PRIMARY KEY (keyspace_id, gate)
) STRICT;

-- Keyspaces of which nothing but revocations is published until an operator resumes.
CREATE TABLE IF NOT EXISTS publishing_pauses (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    gate        TEXT NOT NULL,
    code        TEXT NOT NULL,
    message     TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    -- The last change of which gates have everything.
    change_seq  INTEGER NOT NULL,
    confirmed   INTEGER NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
