use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, broadcast};

use super::readers::Readers;
use super::writer::Writer;
use super::{NOTICES, SqliteStore, migrate};

const READERS: usize = 4;
/// `LKEY`: tells our files from those of other programs.
pub(super) const APPLICATION_ID: i64 = 0x4c4b_4559;
/// A larger file is not read through at every start; damage then shows when it is met.
const CHECKED_BYTES: u64 = 64 << 20;

/// `synchronous = FULL`: an answered mutation is on disk, not only in the system's cache. `temp_store = MEMORY`: each mutation has a savepoint, whose
/// journal would otherwise go through a file. `cache_size`: 16 MiB hold all inner pages of the indices of some million keys; a larger cache costs
/// more than it saves, because a commit may walk through all of it.
const WRITER_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384";

/// Why a database was not opened, with the way out.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it.
    #[error(
        "cannot use the data folder {path}: {source}; check that it exists and belongs to the user who runs latchkey"
    )]
    Folder {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error(
        "the data folder {path} is in use by another latchkey (process {holder}); stop that one, or give this one another folder with --data-dir"
    )]
    Locked {
        /// The folder.
        path: String,
        /// The other process, as it wrote it down.
        holder: String,
    },
    /// Not ours.
    #[error(
        "{path} is a database of another program; give latchkey a data folder of its own with --data-dir"
    )]
    Foreign {
        /// The file.
        path: String,
    },
    /// Damaged.
    #[error("the database {path} is damaged ({found}); move it away and put a backup in its place")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        found: String,
    },
    /// Made by a later build.
    #[error(
        "the database {path} was made by a newer latchkey (schema {found}, this build knows {known}); install that version or a later one"
    )]
    Newer {
        /// The file.
        path: String,
        /// The file's schema.
        found: i64,
        /// This build's schema.
        known: usize,
    },
    /// Anything else.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl SqliteStore {
    /// Opens or makes `latchkey.db` in a folder, and holds the folder until the store is dropped.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let shown = folder.display().to_string();
        let in_folder = |source| OpenError::Folder { path: shown.clone(), source };
        make_private_folder(folder).map_err(in_folder)?;
        let lock = lock(folder, &shown)?;

        let file = folder.join("latchkey.db");
        let path = file.display().to_string();
        make_private_file(&file).map_err(in_folder)?;
        let mut connection = Connection::open(&file)?;
        prepare(&mut connection, &file, &path)?;
        migrate::run(&mut connection, &path).map_err(|error| name_damage(error, &path))?;

        let readers = (0..READERS).map(|_| open_reader(&file)).collect::<Result<_, _>>()?;
        let writer = Writer::start(connection).map_err(in_folder)?;
        let (notices, _) = broadcast::channel(NOTICES);
        Ok(Self {
            writer,
            readers: Readers::new(readers),
            notices,
            events: Arc::default(),
            usage_turn: Semaphore::new(1),
            _lock: lock,
        })
    }
}

fn lock(folder: &Path, shown: &str) -> Result<File, OpenError> {
    let in_folder = |source| OpenError::Folder { path: shown.to_owned(), source };
    let path = folder.join("latchkey.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(in_folder)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(in_folder)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            Err(OpenError::Locked { path: shown.to_owned(), holder })
        }
        Err(TryLockError::Error(source)) => Err(in_folder(source)),
    }
}

fn prepare(connection: &mut Connection, file: &Path, path: &str) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| name_damage(error.into(), path);
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(failed)?;
    match (application, tables) {
        (APPLICATION_ID, _) => {}
        (0, 0) => connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?,
        _ => return Err(OpenError::Foreign { path: path.to_owned() }),
    }
    keep_plans(connection)?;
    connection.execute_batch(WRITER_SETTINGS).map_err(failed)?;
    if fs::metadata(file).map_or(0, |meta| meta.len()) <= CHECKED_BYTES {
        let found: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if found != "ok" {
            return Err(OpenError::Damaged { path: path.to_owned(), found });
        }
    }
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

fn open_reader(file: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    keep_plans(&connection)?;
    Ok(connection)
}

/// Query planner stability: without it SQLite plans a cached statement anew for other bound values, which took a third of the server's
/// processor time under load.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

pub(super) fn name_damage(error: OpenError, path: &str) -> OpenError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        OpenError::Sqlite(error)
            if matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) =>
        {
            OpenError::Damaged { path: path.to_owned(), found: error.to_string() }
        }
        other => other,
    }
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn make_private_file(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file).map(drop)
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn make_private_file(_file: &Path) -> std::io::Result<()> {
    Ok(())
}
