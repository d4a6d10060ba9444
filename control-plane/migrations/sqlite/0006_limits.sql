-- What narrows a key beyond its permissions, as JSON. Most keys have none, and no row.
CREATE TABLE IF NOT EXISTS key_restrictions (
    key_id   INTEGER PRIMARY KEY REFERENCES keys (id),
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

-- When the calendar next gives a key credits.
CREATE TABLE IF NOT EXISTS credit_refills (
    key_id  INTEGER PRIMARY KEY REFERENCES keys (id),
    next_at INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS credit_refills_due ON credit_refills (next_at);
