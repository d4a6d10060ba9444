-- Events that wait for a webhook that fails, or for which more comes than it takes: they have no deliveries until it is their turn. What
-- is between `position` and `until` waits; without `until` it grows. One that was given up is taken up again if somebody asks for it.
CREATE TABLE IF NOT EXISTS webhook_backlogs (
    webhook_id  INTEGER NOT NULL REFERENCES webhooks (id),
    began       INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    until       INTEGER,
    given_up_at INTEGER,
    PRIMARY KEY (webhook_id, began),
    CHECK (until IS NOT NULL OR given_up_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX IF NOT EXISTS webhook_backlogs_open ON webhook_backlogs (webhook_id) WHERE until IS NULL;

-- An event is kept as long as one of its deliveries, which may be much younger.
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event_id);
