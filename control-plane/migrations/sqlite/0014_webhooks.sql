-- Addresses that are told of events. A deleted one goes once its deliveries are gone.
CREATE TABLE IF NOT EXISTS webhooks (
    id              INTEGER PRIMARY KEY,
    workspace_id    INTEGER NOT NULL REFERENCES workspaces (id),
    url             TEXT NOT NULL,
    description     TEXT NOT NULL,
    events          TEXT NOT NULL CHECK (json_valid(events)),
    keyspaces       TEXT CHECK (keyspaces IS NULL OR json_valid(keyspaces)),
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    signature       TEXT NOT NULL CHECK (signature IN ('hmac-sha256', 'ed25519')),
    secret          BLOB NOT NULL,
    public_key      BLOB CHECK (public_key IS NULL OR length(public_key) = 32),
    old_secret      BLOB,
    old_until       INTEGER,
    from_event      INTEGER NOT NULL,
    failing_since   INTEGER,
    disabled_reason TEXT,
    disabled_at     INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER
) STRICT;

CREATE INDEX IF NOT EXISTS webhooks_of_workspace ON webhooks (workspace_id, id DESC) WHERE deleted_at IS NULL;

-- What enabled webhooks want to hear of: one look tells a mutation whether anybody listens. '*' stands for everything.
CREATE TABLE IF NOT EXISTS webhook_subscriptions (
    workspace_id INTEGER NOT NULL,
    type         TEXT NOT NULL,
    webhook_id   INTEGER NOT NULL REFERENCES webhooks (id),
    PRIMARY KEY (workspace_id, type, webhook_id)
) STRICT, WITHOUT ROWID;

-- Written in the transaction of what they tell of, and only if somebody listens. Ids rise in the order of the commits.
CREATE TABLE IF NOT EXISTS events (
    id           INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    keyspace_id  INTEGER,
    key_id       INTEGER,
    type         TEXT NOT NULL,
    fans_out     INTEGER NOT NULL CHECK (fans_out IN (0, 1)),
    body         TEXT NOT NULL CHECK (json_valid(body))
) STRICT;

-- How far something has come: 'fan_out' is the last event that was turned into deliveries, 'delivery' the last id of one.
CREATE TABLE IF NOT EXISTS event_cursors (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    within   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS deliveries (
    webhook_id  INTEGER NOT NULL,
    id          INTEGER NOT NULL,
    event_id    INTEGER NOT NULL,
    key_id      INTEGER,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    tries       INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER,
    finished_at INTEGER,
    PRIMARY KEY (webhook_id, id),
    CHECK ((state = 'pending') = (next_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (webhook_id, next_at, id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_of_key ON deliveries (webhook_id, key_id, id) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS delivery_attempts (
    delivery_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    response    TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- How low a key's credits are, as was last told, and as of which change of them.
CREATE TABLE IF NOT EXISTS credit_alerts (
    key_id    INTEGER NOT NULL REFERENCES keys (id),
    unit      TEXT NOT NULL,
    level     INTEGER NOT NULL CHECK (level IN (1, 2)),
    grant_seq INTEGER NOT NULL,
    PRIMARY KEY (key_id, unit)
) STRICT, WITHOUT ROWID;

-- Gates of which was told that they are stale, as long as they are.
CREATE TABLE IF NOT EXISTS stale_gates (
    keyspace_id INTEGER NOT NULL,
    gate        TEXT NOT NULL,
    PRIMARY KEY (keyspace_id, gate)
) STRICT, WITHOUT ROWID;

-- In the order in which they expire, for whoever tells of it.
CREATE INDEX IF NOT EXISTS keys_expiring ON keys (expires_at, id) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
