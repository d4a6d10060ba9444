//! `cargo xtask bench scale`: building a base out of the database, as the publisher does it: read, encoded, stored, verified as a gate verifies it, and counted
//! again. What is printed is processor time of all threads.
//!
//! The keys are written into the tables directly, because making millions of them through the API is another benchmark: in the order of their numbers, and
//! with tags as random as hashes are.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use latchkey_control_plane::domain::{
    Actor, AdminKey, FieldErrors, IdSource, KeyspaceDraft, KeyspaceId, Timestamp, Workspace,
};
use latchkey_control_plane::publisher::{MeasuredBase, measure};
use latchkey_control_plane::storage::sqlite::SqliteStore;
use latchkey_control_plane::storage::{KeyspaceStore, NewKeyspace, SealedSigningKey, Store, WorkspaceStore};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, params};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const FIRST_KEY: i64 = 1_000_000;
/// Distinct sets of owner, permissions and metadata.
const PROFILES: u64 = 1_000;

#[tokio::main]
async fn main() -> Result<()> {
    let counts = std::env::var("LATCHKEY_BENCH_KEYS");
    for count in counts.as_deref().unwrap_or("1000000").split(',') {
        let count = count.parse()?;
        bench(count, PROFILES, "").await?;
        if count <= 1_000_000 {
            bench(count, count, "own_profiles_").await?;
        }
    }
    Ok(())
}

async fn bench(count: u64, profiles: u64, what: &str) -> Result<()> {
    let folder = tempfile::tempdir_in(std::env::var("LATCHKEY_BENCH_DIR").as_deref().unwrap_or("target"))?;
    let started = Instant::now();
    let id = fill(folder.path(), count, profiles).await?;
    let bytes = std::fs::metadata(folder.path().join("latchkey.db"))?.len();
    say(&format!(
        "{count} keys are in a database of {} MB after {:.0} s",
        bytes / 1_000_000,
        started.elapsed().as_secs_f64()
    ));
    let name = format!("scale.{}.{what}", size(count));
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path())?);
    // From here on the most that is in memory is that of building.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let first = run(&store, id, None, &format!("{name}base")).await?;
    if first.rows() != count {
        return Err(format!("a base of {} rows was made of {count} keys", first.rows()).into());
    }
    if what.is_empty() {
        change(folder.path(), id, 100, count / 100)?;
        let second = run(&store, id, Some(&first), &format!("{name}base_1pc_changed")).await?;
        change(folder.path(), id, count as i64 / 100, 100)?;
        run(&store, id, Some(&second), &format!("{name}base_100_changed")).await?;
        report(
            &format!("{name}base_memory_mb"),
            peak_memory()? / 1e6,
            "MB",
            "the most that the process had in memory meanwhile",
        );
    }
    Ok(())
}

async fn run(
    store: &Arc<dyn Store>,
    id: KeyspaceId,
    earlier: Option<&MeasuredBase>,
    name: &str,
) -> Result<MeasuredBase> {
    let (started, before) = (Instant::now(), processor_seconds()?);
    let base = measure(Arc::clone(store), id, now()?, earlier).await?;
    let seconds = processor_seconds()? - before;
    let (shards, new) = base.shards(earlier);
    let note = format!(
        "of {} rows, {new} of {shards} shards are new; {:.2} s on the clock",
        base.rows(),
        started.elapsed().as_secs_f64()
    );
    report(&format!("{name}_cpu_s"), seconds, "s", &note);
    Ok(base)
}

/// A keyspace with so many keys.
async fn fill(folder: &Path, count: u64, profiles: u64) -> Result<KeyspaceId> {
    let id = make_keyspace(folder).await?;
    let mut connection = Connection::open(folder.join("latchkey.db"))?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")?;
    let later = set_aside(&connection)?;
    let number = i64::try_from(id.0)?;
    let mut rng = StdRng::seed_from_u64(7);
    let mut tags: Vec<([u8; 16], i64)> = (0..count as i64).map(|key| (rng.random(), key)).collect();
    let transaction = connection.transaction()?;
    {
        let mut key = transaction.prepare(
            "INSERT INTO keys (id, keyspace_id, name, description, environment, owner, tags, metadata, enabled, permissions, roles, change_seq, \
             created_at, updated_at) VALUES (?1, ?2, 'Key ' || ?1, '', 'test', ?3, '[]', ?4, 1, ?5, '[]', ?6, 0, 0)",
        )?;
        let mut secret = transaction.prepare(
            "INSERT INTO secrets (id, key_id, keyspace_id, digest, tag, start, created_at) VALUES (?1, ?1, ?2, ?3, ?4, 'demo_test_abcd', 0)",
        )?;
        for (tag, key_number) in &tags {
            let row = FIRST_KEY + key_number;
            let Texts { owner, metadata, permissions } = texts(*key_number, profiles);
            key.execute(params![row, number, owner, metadata, permissions, key_number + 2])?;
            secret.execute(params![row, number, [*tag, *tag].concat(), tag])?;
        }
        let mut packed_row = transaction.prepare(
            "INSERT INTO packed_rows (keyspace_id, tag, key_id, flags, profile) VALUES (?1, ?2, ?3, 2, concat_ws(char(31), ?4, '[]', ?5, ?6))",
        )?;
        tags.sort_unstable();
        for (tag, key_number) in &tags {
            let Texts { owner, metadata, permissions } = texts(*key_number, profiles);
            packed_row.execute(params![number, tag, FIRST_KEY + key_number, permissions, metadata, owner])?;
        }
        transaction.execute(
            "UPDATE keyspaces SET change_seq = ?2 WHERE id = ?1",
            params![number, count as i64 + 1],
        )?;
    }
    transaction.commit()?;
    connection.execute_batch(&later)?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(id)
}

struct Texts {
    owner: String,
    metadata: &'static str,
    permissions: &'static str,
}

fn texts(key_number: i64, profiles: u64) -> Texts {
    let owner = format!("customer-{}", key_number as u64 % profiles);
    Texts { owner, metadata: r#"{"plan":"gold"}"#, permissions: r#"["hello:read"]"# }
}

async fn make_keyspace(folder: &Path) -> Result<KeyspaceId> {
    let store = SqliteStore::open(folder)?;
    let (ids, at) = (IdSource::default(), now()?);
    let workspace = Workspace { id: ids.next(at), name: "Bench".into(), created_at: at };
    let actor = Actor::system(workspace.id, ids.next(at));
    let admin_key = AdminKey::first(ids.next(at), workspace.id, "Bench", "lkadm_live_1", at);
    store.bootstrap(&actor, workspace, admin_key, [9; 32], b"check".to_vec()).await?;
    let draft = KeyspaceDraft { name: Some("Bench".into()), ..KeyspaceDraft::default() };
    let settings = draft.check(FieldErrors::default())?;
    let signing_key = SealedSigningKey { public_key: [1; 32], sealed_seed: b"sealed".to_vec() };
    let new = NewKeyspace { id: ids.next(at), settings, roles: Vec::new(), signing_key, at };
    Ok(store.create_keyspace(&actor, new).await?.value.id)
}

/// Takes away what would have to be kept up with each row, and returns the statements that bring it back. Indices that no base needs stay away.
fn set_aside(connection: &Connection) -> Result<String> {
    let mut statement = connection.prepare(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ('keys', 'secrets') AND type IN ('index', 'trigger') AND sql IS NOT NULL",
    )?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let found: Vec<(String, String, String)> = found.collect::<std::result::Result<_, _>>()?;
    let needed = ["secrets_by_tag", "secrets_of_key", "keys_changed"];
    let mut later = String::new();
    for (kind, name, sql) in &found {
        connection.execute_batch(&format!("DROP {kind} {name}"))?;
        if kind == "trigger" || needed.contains(&name.as_str()) {
            later.push_str(sql);
            later.push(';');
        }
    }
    Ok(later)
}

/// Switches off each of so many keys.
fn change(folder: &Path, id: KeyspaceId, every: i64, count: u64) -> Result<()> {
    let mut connection = Connection::open(folder.join("latchkey.db"))?;
    connection.execute_batch("PRAGMA cache_size = -200000")?;
    let transaction = connection.transaction()?;
    let number = i64::try_from(id.0)?;
    let changed = transaction.execute(
        "UPDATE keys SET enabled = 1 - enabled, change_seq = (SELECT change_seq FROM keyspaces WHERE id = ?1) + 1 + (id - ?2) / ?3 \
         WHERE keyspace_id = ?1 AND (id - ?2) % ?3 = 0",
        params![number, FIRST_KEY, every],
    )?;
    transaction.execute(
        "UPDATE keyspaces SET change_seq = change_seq + ?2 + 1 WHERE id = ?1",
        params![number, count as i64],
    )?;
    transaction.commit()?;
    if changed as u64 == count {
        Ok(())
    } else {
        Err(format!("{changed} keys were changed, not {count}").into())
    }
}

fn now() -> Result<Timestamp> {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Timestamp(i64::try_from(elapsed.as_millis())?))
}

/// Of all threads, in hundredths of a second, which is what Linux counts in.
fn processor_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields = text.rsplit_once(") ").ok_or("no figures of this process")?.1;
    let mut ticks = 0.0;
    for field in fields.split(' ').skip(11).take(2) {
        ticks += field.parse::<f64>()?;
    }
    Ok(ticks / 100.0)
}

fn peak_memory() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no figures of this process")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1_024.0)
}

fn size(count: u64) -> String {
    if count.is_multiple_of(1_000_000) {
        format!("{}m", count / 1_000_000)
    } else {
        format!("{}k", count / 1_000)
    }
}

#[expect(clippy::print_stdout, reason = "a terminal program")]
fn say(text: &str) {
    println!("{text}");
}

fn report(name: &str, value: f64, unit: &str, note: &str) {
    say(&format!(r#"{{"name":"{name}","value":{value},"unit":"{unit}","note":"{note}"}}"#));
}
