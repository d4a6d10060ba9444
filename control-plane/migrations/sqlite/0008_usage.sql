-- What gates report. It is nobody's mutation, so it leaves no audit row, and none of it decides anything.

-- For how many days requests are kept. Keyspaces without a row have the default.
CREATE TABLE IF NOT EXISTS request_log_rules (
    keyspace_id      INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    request_log_days INTEGER NOT NULL CHECK (request_log_days BETWEEN 0 AND 90)
) STRICT;

-- Reports that were taken, so that one that is sent again is not counted again.
CREATE TABLE IF NOT EXISTS usage_batches (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    batch_id    TEXT NOT NULL,
    taken_at    INTEGER NOT NULL,
    PRIMARY KEY (keyspace_id, batch_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS usage_batches_by_age ON usage_batches (taken_at);

-- The request log. Ids begin with the request's time as other ids do, so that their order is that of time.
CREATE TABLE IF NOT EXISTS requests (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    id          INTEGER NOT NULL,
    key_id      INTEGER,
    secret_id   INTEGER,
    code        INTEGER NOT NULL,
    status      INTEGER,
    method      TEXT NOT NULL,
    path        TEXT NOT NULL,
    route       TEXT,
    address     TEXT,
    colo        TEXT,
    seq         INTEGER NOT NULL,
    request_id  TEXT,
    gate        TEXT NOT NULL,
    PRIMARY KEY (keyspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS requests_of_key ON requests (keyspace_id, key_id, id) WHERE key_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_denied ON requests (keyspace_id, code, id) WHERE code <> 1;

-- Requests by hour (since 1970) and code. Key 0 stands for the whole keyspace, and there code 0 for requests that gates had to
-- forget before they could report them.
CREATE TABLE IF NOT EXISTS usage_hours (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    key_id      INTEGER NOT NULL,
    hour        INTEGER NOT NULL,
    code        INTEGER NOT NULL,
    requests    INTEGER NOT NULL,
    PRIMARY KEY (keyspace_id, key_id, hour, code)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS usage_hours_by_age ON usage_hours (hour);

-- The last request that each token was let through with.
CREATE TABLE IF NOT EXISTS last_used (
    secret_id INTEGER PRIMARY KEY,
    key_id    INTEGER NOT NULL REFERENCES keys (id),
    at        INTEGER NOT NULL,
    address   TEXT,
    colo      TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS last_used_of_key ON last_used (key_id, at);

-- What ledgers say that keys have used up: totals, which only rise.
CREATE TABLE IF NOT EXISTS reported_credits (
    key_id      INTEGER NOT NULL REFERENCES keys (id),
    unit        TEXT NOT NULL,
    consumed    INTEGER NOT NULL,
    written_off INTEGER NOT NULL,
    reported_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, unit)
) STRICT, WITHOUT ROWID;
