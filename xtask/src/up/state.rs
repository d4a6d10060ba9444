//! What stays on disk between two runs: the database, the gate's storage, the admin key, and `up.json` of the last run.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::options::Options;
use crate::error::{Context, Result, fail};
use crate::json::Json;

/// The folder of this run, and the lock that keeps a second `up` out of it.
pub(crate) struct State {
    folder: PathBuf,
    last_run: Option<Json>,
    _lock: File,
}

impl State {
    /// Takes the folder. Unless its database is to be kept it starts empty.
    pub(crate) fn open(options: &Options) -> Result<Self> {
        let folder = options.folder.clone();
        fs::create_dir_all(&folder).context(|| format!("creating {}", folder.display()))?;
        let lock = take_lock(&folder.join("up.lock"))?;
        let mut state = Self { folder, last_run: None, _lock: lock };
        let data = state.data();
        if options.keep {
            state.last_run = read_json(&state.facts());
        } else if data.exists() {
            fs::remove_dir_all(&data).context(|| format!("removing {}", data.display()))?;
        }
        fs::create_dir_all(&data).context(|| format!("creating {}", data.display()))?;
        Ok(state)
    }

    /// The control plane's data: the database and its keys.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("up")
    }

    /// Where workerd keeps what is in KV and in Durable Objects.
    pub(crate) fn wrangler(&self) -> PathBuf {
        self.data().join("wrangler")
    }

    /// What a server writes.
    pub(crate) fn log(&self, server: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{server}.log"))
    }

    /// The file that scripts read: URLs, ids and the demo's secrets.
    pub(crate) fn facts(&self) -> PathBuf {
        self.folder.join("up.json")
    }

    /// The facts of the run before, if its database was kept.
    pub(crate) fn last_run(&self) -> Option<&Json> {
        self.last_run.as_ref()
    }

    /// The admin key of the kept database. The control plane shows it once in its life, so `up` keeps it.
    pub(crate) fn admin_key(&self) -> Option<String> {
        let key = fs::read_to_string(self.admin_key_file()).ok()?;
        Some(key.trim().to_owned())
    }

    pub(crate) fn keep_admin_key(&self, key: &str) -> Result<()> {
        write_private(&self.admin_key_file(), key)
    }

    fn admin_key_file(&self) -> PathBuf {
        self.data().join("up-admin-key")
    }
}

/// Writes a file that only its owner may read. An older one is replaced, not rewritten: its mode might be another.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    let fresh = path.with_extension("new");
    let write = || {
        if fresh.exists() {
            fs::remove_file(&fresh)?;
        }
        let mut file = File::options().create_new(true).write(true).mode(0o600).open(&fresh)?;
        writeln!(file, "{text}")?;
        fs::rename(&fresh, path)
    };
    write().context(|| format!("writing {}", path.display()))
}

fn take_lock(path: &Path) -> Result<File> {
    let file = File::create(path).context(|| format!("creating {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            fail("another `cargo xtask up` of this repository is running: stop it first")
        }
        Err(TryLockError::Error(error)) => fail(format!("locking {}: {error}", path.display())),
    }
}

fn read_json(path: &Path) -> Option<Json> {
    Json::parse(&fs::read_to_string(path).ok()?)
}
