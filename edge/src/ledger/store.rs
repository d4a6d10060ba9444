//! The ledger's SQLite: one table of parts, each a JSON text. What one message changes is one statement, and so is stored whole or not at all.

use latchkey_ledger::{Account, Ledger as Credits, Session, Windows};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Result, ScheduledTime, SqlStorage, SqlStorageValue, State};

const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS part (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";
const HAS_TABLE: &str = "SELECT name, '' AS value FROM sqlite_master WHERE type = 'table' AND name = 'part'";
const ACCOUNT: &str = "account";
const WINDOWS: &str = "windows";
/// Before a session's name.
const SESSION: &str = "session/";

pub(super) struct Store(SqlStorage);

impl Store {
    pub(super) fn open(state: &State) -> Self {
        Self(state.storage().sql())
    }

    /// What was stored; the beginnings of a ledger where nothing was.
    pub(super) fn load(&self) -> Result<(Credits, Windows)> {
        let mut account = Account::default();
        let mut windows = Windows::default();
        let mut sessions: Vec<(String, Session)> = Vec::new();
        // A ledger that is only looked at stays without storage.
        if !self.rows(HAS_TABLE)?.is_empty() {
            for (name, value) in self.rows("SELECT name, value FROM part")? {
                match name.strip_prefix(SESSION) {
                    Some(id) => sessions.push((id.to_owned(), parse(&value)?)),
                    None if name == ACCOUNT => account = parse(&value)?,
                    None => windows = parse(&value)?,
                }
            }
        }
        Ok((Credits::load(account, sessions), windows))
    }

    /// Stores what has changed in the credits, and the windows.
    pub(super) fn save(&self, credits: &mut Credits, windows: &Windows) -> Result<()> {
        let changed = credits.take_changed();
        let mut puts = vec![(WINDOWS.to_owned(), json(windows)?)];
        let mut drops = Vec::new();
        if changed.account {
            puts.push((ACCOUNT.to_owned(), json(credits.account())?));
        }
        for id in changed.sessions {
            match credits.session(&id) {
                Some(session) => puts.push((format!("{SESSION}{id}"), json(session)?)),
                None => drops.push(format!("{SESSION}{id}")),
            }
        }
        self.0.exec(SCHEMA, None)?;
        let rows = vec!["(?, ?)"; puts.len()].join(", ");
        let values = puts
            .into_iter()
            .flat_map(|(name, value)| [name.into(), value.into()])
            .collect::<Vec<SqlStorageValue>>();
        self.0.exec(
            &format!("INSERT INTO part (name, value) VALUES {rows} ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
            values,
        )?;
        for name in drops {
            self.0.exec("DELETE FROM part WHERE name = ?", vec![name.into()])?;
        }
        Ok(())
    }

    fn rows(&self, sql: &str) -> Result<Vec<(String, String)>> {
        #[derive(serde::Deserialize)]
        struct Row {
            name: String,
            value: String,
        }
        let rows: Vec<Row> = self.0.exec(sql, None)?.to_array()?;
        Ok(rows.into_iter().map(|row| (row.name, row.value)).collect())
    }
}

/// Milliseconds since the epoch, as alarms take them.
pub(super) fn at(ms: u64) -> ScheduledTime {
    ScheduledTime::new(js_sys::Date::new(&(ms as f64).into()))
}

fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    Ok(serde_json::from_str(text)?)
}
