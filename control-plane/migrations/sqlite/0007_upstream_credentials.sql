-- The public key by which secrets are sealed for the gates of a keyspace alone. Most keyspaces have none.
CREATE TABLE IF NOT EXISTS gate_encryption_keys (
    keyspace_id INTEGER PRIMARY KEY REFERENCES keyspaces (id),
    public_key  BLOB NOT NULL CHECK (length(public_key) = 32)
) STRICT;

-- Credentials that gates add to requests. `sealed_value` is sealed under the master key, `gate_value` for the gates, by the public
-- key `gate_key`: made once, because sealing it again gives other bytes, and with them another policy.
CREATE TABLE IF NOT EXISTS upstream_credentials (
    id           INTEGER PRIMARY KEY,
    keyspace_id  INTEGER NOT NULL REFERENCES keyspaces (id),
    name         TEXT NOT NULL,
    header       TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    sealed_value BLOB NOT NULL,
    value_bytes  INTEGER NOT NULL,
    gate_key     BLOB CHECK (gate_key IS NULL OR length(gate_key) = 32),
    gate_value   BLOB,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (keyspace_id, name),
    CHECK ((gate_key IS NULL) = (gate_value IS NULL))
) STRICT;
