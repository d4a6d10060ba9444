-- How many live keys a keyspace or an owner has, so that a quota is checked by one look-up and not by counting up to it. There is a row
-- where a quota asks for one; triggers keep it right, whoever writes.
CREATE TABLE IF NOT EXISTS live_key_counts (
    keyspace_id INTEGER NOT NULL REFERENCES keyspaces (id),
    -- Empty: the whole keyspace. Otherwise 'o' and the owner.
    scope       TEXT NOT NULL,
    live        INTEGER NOT NULL,
    PRIMARY KEY (keyspace_id, scope)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS live_keys_are_made AFTER INSERT ON keys WHEN new.revoked_at IS NULL BEGIN
    UPDATE live_key_counts SET live = live + 1
    WHERE keyspace_id = new.keyspace_id AND scope IN ('', 'o' || ifnull(new.owner, ''));
END;

CREATE TRIGGER IF NOT EXISTS live_keys_change AFTER UPDATE OF owner, revoked_at ON keys
WHEN new.owner IS NOT old.owner OR (new.revoked_at IS NULL) <> (old.revoked_at IS NULL)
BEGIN
    UPDATE live_key_counts SET live = live - 1
    WHERE old.revoked_at IS NULL AND keyspace_id = old.keyspace_id AND scope IN ('', 'o' || ifnull(old.owner, ''));
    UPDATE live_key_counts SET live = live + 1
    WHERE new.revoked_at IS NULL AND keyspace_id = new.keyspace_id AND scope IN ('', 'o' || ifnull(new.owner, ''));
END;

CREATE TRIGGER IF NOT EXISTS live_keys_go AFTER DELETE ON keys WHEN old.revoked_at IS NULL BEGIN
    UPDATE live_key_counts SET live = live - 1
    WHERE keyspace_id = old.keyspace_id AND scope IN ('', 'o' || ifnull(old.owner, ''));
END;

-- Counted when the quota is set: a keyspace that has reached it already would otherwise count again for each key that it refuses.
CREATE TRIGGER IF NOT EXISTS live_keys_are_counted AFTER INSERT ON key_rules WHEN new.keys_quota IS NOT NULL BEGIN
    INSERT OR REPLACE INTO live_key_counts (keyspace_id, scope, live)
    SELECT new.keyspace_id, '', count(*) FROM keys WHERE keyspace_id = new.keyspace_id AND revoked_at IS NULL;
END;

INSERT INTO live_key_counts (keyspace_id, scope, live)
SELECT r.keyspace_id, '', (SELECT count(*) FROM keys AS k WHERE k.keyspace_id = r.keyspace_id AND k.revoked_at IS NULL)
FROM key_rules AS r WHERE r.keys_quota IS NOT NULL
ON CONFLICT (keyspace_id, scope) DO NOTHING;
