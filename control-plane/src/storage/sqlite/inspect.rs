use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::open::{self, OpenError};
use super::{migrate, workspaces};

/// What can be learnt of a database without changing it, also while a server works with it.
#[derive(Debug)]
pub struct Inspection {
    /// Migrations that the database has had.
    pub schema: i64,
    /// Migrations that this build knows.
    pub known_schema: i64,
    /// What SQLite's own check found, if anything.
    pub damage: Option<String>,
    /// See [`WorkspaceStore::master_key_check`](crate::storage::WorkspaceStore::master_key_check).
    pub master_key_check: Option<Vec<u8>>,
}

/// Looks at `latchkey.db` in a folder. Reads the whole file, however large.
///
/// # Errors
/// See [`OpenError`]; also if there is no database.
pub fn inspect(folder: &Path) -> Result<Inspection, OpenError> {
    let file = folder.join("latchkey.db");
    let path = file.display().to_string();
    let failed = |error: rusqlite::Error| open::name_damage(error.into(), &path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags).map_err(failed)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let number =
        |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    if number("application_id")? != open::APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.clone() });
    }
    let schema = number("user_version")?;
    let found: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    let master_key_check = connection
        .query_row("SELECT value FROM settings WHERE name = ?1", [workspaces::MASTER_KEY_CHECK], |row| {
            row.get(0)
        })
        .optional()
        .map_err(failed)?;
    let known_schema = i64::try_from(migrate::MIGRATIONS.len()).unwrap_or(i64::MAX);
    Ok(Inspection { schema, known_schema, damage: (found != "ok").then_some(found), master_key_check })
}
