-- Purged tokens are looked up as the others are: whether one shares what a revocation names, and whether one comes back.
CREATE INDEX IF NOT EXISTS purged_secrets_by_tag ON purged_secrets (keyspace_id, tag);

-- An old base still has the row of a token that was purged. If the token were forgotten here, the next segment to be merged would no
-- longer say that it is dead, and gates would let it in again.
CREATE TRIGGER IF NOT EXISTS secrets_are_never_forgotten
BEFORE DELETE ON secrets
WHEN NOT EXISTS (
    SELECT 1 FROM purged_secrets WHERE keyspace_id = old.keyspace_id AND tag = old.tag AND digest = old.digest
)
BEGIN
    SELECT raise(ABORT, 'a token is noted as purged before it is deleted');
END;
CREATE TRIGGER IF NOT EXISTS purged_secrets_stay BEFORE UPDATE ON purged_secrets BEGIN
    SELECT raise(ABORT, 'a purged token stays what it was');
END;
CREATE TRIGGER IF NOT EXISTS purged_secrets_remain BEFORE DELETE ON purged_secrets BEGIN
    SELECT raise(ABORT, 'a purged token is never forgotten');
END;

CREATE TRIGGER IF NOT EXISTS keys_are_revoked_first
BEFORE DELETE ON keys
WHEN old.revoked_at IS NULL
BEGIN
    SELECT raise(ABORT, 'only a revoked key is purged');
END;
