-- What a browser has in place of an admin key. Only the digest of its token is kept.
CREATE TABLE IF NOT EXISTS sessions (
    id           INTEGER PRIMARY KEY,
    digest       BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    admin_key_id INTEGER NOT NULL REFERENCES admin_keys (id),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS sessions_of_admin_key ON sessions (admin_key_id, id DESC);

-- Which audited requests came by a session. The row's hash covers it.
CREATE TABLE IF NOT EXISTS audit_sessions (
    workspace_id INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    session_id   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, seq),
    FOREIGN KEY (workspace_id, seq) REFERENCES audit (workspace_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS audit_sessions_stay BEFORE UPDATE ON audit_sessions BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER IF NOT EXISTS audit_sessions_remain BEFORE DELETE ON audit_sessions BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
