//! Brings a database to the schema that this build knows. `PRAGMA user_version` counts the migrations it has had.

use rusqlite::Connection;

use super::OpenError;

/// In order; the position is the version. A migration that was released is never edited: add another. Each must do
/// nothing on a database that already has what it makes.
pub(super) const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_foundation", include_str!("../../../migrations/sqlite/0001_foundation.sql")),
    ("0002_key_lifecycle", include_str!("../../../migrations/sqlite/0002_key_lifecycle.sql")),
    ("0003_roles_and_admins", include_str!("../../../migrations/sqlite/0003_roles_and_admins.sql")),
    ("0004_purge", include_str!("../../../migrations/sqlite/0004_purge.sql")),
    ("0006_limits", include_str!("../../../migrations/sqlite/0006_limits.sql")),
    ("0007_upstream_credentials", include_str!("../../../migrations/sqlite/0007_upstream_credentials.sql")),
    ("0008_usage", include_str!("../../../migrations/sqlite/0008_usage.sql")),
    ("0009_live_key_counts", include_str!("../../../migrations/sqlite/0009_live_key_counts.sql")),
    ("0010_sessions", include_str!("../../../migrations/sqlite/0010_sessions.sql")),
    ("0011_kills", include_str!("../../../migrations/sqlite/0011_kills.sql")),
    ("0012_head_keys", include_str!("../../../migrations/sqlite/0012_head_keys.sql")),
    ("0013_sinks", include_str!("../../../migrations/sqlite/0013_sinks.sql")),
    ("0014_webhooks", include_str!("../../../migrations/sqlite/0014_webhooks.sql")),
    ("0015_guard", include_str!("../../../migrations/sqlite/0015_guard.sql")),
    ("0016_epochs", include_str!("../../../migrations/sqlite/0016_epochs.sql")),
    ("0017_published_heads", include_str!("../../../migrations/sqlite/0017_published_heads.sql")),
    ("0018_holds", include_str!("../../../migrations/sqlite/0018_holds.sql")),
    ("0019_webhook_backlogs", include_str!("../../../migrations/sqlite/0019_webhook_backlogs.sql")),
    ("0020_base_rows", include_str!("../../../migrations/sqlite/0020_base_rows.sql")),
    ("0021_packed_rows", include_str!("../../../migrations/sqlite/0021_packed_rows.sql")),
];

pub(super) fn run(connection: &mut Connection, path: &str) -> Result<(), OpenError> {
    let known = MIGRATIONS.len();
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    for (version, (name, sql)) in MIGRATIONS.iter().enumerate().skip(done) {
        tracing::info!(migration = name, "migrating the database");
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
