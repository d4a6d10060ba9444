use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use latchkey_control_plane::app::App;
use latchkey_control_plane::config::PublisherConfig;
use latchkey_control_plane::domain::clock::ManualClock;
use latchkey_control_plane::domain::webhook::LoopbackRule;
use latchkey_control_plane::domain::{
    Actor, AdminKey, AuditEntry, Clock, IdSource, SystemClock, Timestamp, Workspace,
};
use latchkey_control_plane::seal::{MasterKey, MasterKeySource, Vault};
use latchkey_control_plane::storage::WorkspaceStore;
use latchkey_control_plane::storage::sqlite::SqliteStore;
use latchkey_control_plane::{http, jobs, publisher, webhooks};
use latchkey_token::{Environment, Prefix, SecretToken, generate};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::api::Api;
use super::eventually;

/// A running control plane in this process.
pub(crate) struct Server {
    pub(crate) api: Api,
    pub(crate) admin_key: String,
    pub(crate) folder: TempDir,
    pub(crate) app: App,
    stop: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Arc::new(SystemClock), quick()).await
    }

    /// A server whose clock the test moves.
    pub(crate) async fn start_at(start: Timestamp) -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(start));
        (Self::start_with(clock.clone(), quick()).await, clock)
    }

    pub(crate) async fn start_with(clock: Arc<dyn Clock>, config: PublisherConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (app, admin_key) = open(folder.path(), clock).await;
        Self::run(folder, app, admin_key, config).await
    }

    async fn run(folder: TempDir, app: App, admin_key: String, config: PublisherConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Api::new(&format!("http://{}", listener.local_addr().unwrap()), Some(&admin_key));
        let (stop, stopped) = watch::channel(());
        let publishing = publisher::run(app.clone(), config, stopped.clone());
        let publishing = tokio::spawn(async move { publishing.await.unwrap() });
        let sending = webhooks::run(app.clone(), stopped.clone());
        let sending = tokio::spawn(async move { sending.await.unwrap() });
        let router = http::router(app.clone()).into_make_service_with_connect_info::<std::net::SocketAddr>();
        let mut stopped = stopped;
        let serving = tokio::spawn(async move {
            let stopped = async move { drop(stopped.changed().await) };
            axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
        });
        let server = Self { api, admin_key, folder, app, stop, tasks: vec![publishing, sending, serving] };
        eventually("the server is ready", async || {
            let answer = server.api.get("/readyz").await;
            // An old copy of a database is never ready, and its server answers all the same.
            (answer.status == 200 || answer.text.contains("latchkey epoch raise")).then_some(())
        })
        .await;
        server
    }

    /// Stops, and starts again on the same data.
    pub(crate) async fn restart(self) -> Self {
        self.restart_as(|app| app).await
    }

    /// As [`Server::restart`], with a bound on the requests of each admin key.
    pub(crate) async fn limited_to(self, requests_per_second: u32) -> Self {
        self.restart_as(|app| app.with_requests_per_second(requests_per_second)).await
    }

    /// A connection of its own to the database, for what no operation can do.
    pub(crate) fn database(&self) -> Connection {
        let database = Connection::open(self.folder.path().join("latchkey.db")).unwrap();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        database
    }

    /// Keeps a copy of the database as it is now.
    pub(crate) fn backup(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        let database = self.database();
        database.execute("VACUUM INTO ?1", [copy.path().join("latchkey.db").to_str().unwrap()]).unwrap();
        copy
    }

    /// Stops, and starts again on an old copy of its database. `config` is the publisher's.
    pub(crate) async fn restored(self, copy: &TempDir, config: PublisherConfig) -> Self {
        let (folder, clock, admin_key) = self.stop().await;
        for rest in ["latchkey.db-wal", "latchkey.db-shm"] {
            let _ = std::fs::remove_file(folder.path().join(rest));
        }
        std::fs::copy(copy.path().join("latchkey.db"), folder.path().join("latchkey.db")).unwrap();
        let app = try_open(folder.path(), clock).await.unwrap();
        Self::run(folder, app, admin_key, config).await
    }

    async fn restart_as(self, change: impl Fn(App) -> App) -> Self {
        let (folder, clock, admin_key) = self.stop().await;
        let app = try_open(folder.path(), clock).await.unwrap();
        Self::run(folder, change(app), admin_key, quick()).await
    }

    /// Stops, and waits until the data folder is free.
    async fn stop(self) -> (TempDir, Arc<dyn Clock>, String) {
        let Self { folder, admin_key, app, stop, tasks, api } = self;
        let clock = Arc::clone(&app.clock);
        drop((stop, app, api));
        for task in tasks {
            task.await.unwrap();
        }
        // Pushers that were just told to stop may hold the store a moment longer.
        eventually("the data folder is free", async || try_open(folder.path(), clock.clone()).await.ok())
            .await;
        (folder, clock, admin_key)
    }

    /// A caller with an admin key of its own: `rights` are its scopes and limits.
    pub(crate) async fn admin(&self, mut rights: serde_json::Value) -> Api {
        rights["name"] = "Another".into();
        let made = self.api.post("/v1/admin-keys", rights).await.expect(201);
        self.api.with_key(made["secret"].as_str())
    }

    /// Turns live on whether or not the keyspace has what it needs.
    pub(crate) async fn force_live_on(&self, keyspace: &str) {
        let workspace = self.app.store.audited_workspaces().await.unwrap()[0];
        let actor = Actor::system(workspace, self.app.next_id());
        self.app.store.switch_live(&actor, keyspace.parse().unwrap(), true, self.app.now()).await.unwrap();
    }

    /// Runs the purge, as the program does every hour.
    pub(crate) async fn purge(&self) -> jobs::Purged {
        jobs::purge(&self.app).await.unwrap()
    }

    /// Has the publisher build bases of what there is now, and takes the server up again. They are published by then: whatever a test
    /// writes next would otherwise come into them.
    pub(crate) async fn rebased(self) -> Self {
        let before = self.published();
        // A release whose bodies are gone cannot be gone on from.
        self.database().execute("DELETE FROM bodies", []).unwrap();
        let server = self.restart().await;
        eventually("everything is published anew", async || {
            let now = server.published();
            before.iter().all(|(keyspace, seq)| now[keyspace] > *seq).then_some(())
        })
        .await;
        server
    }

    /// The number of the newest head of each keyspace.
    fn published(&self) -> BTreeMap<i64, i64> {
        let database = self.database();
        let mut newest =
            database.prepare("SELECT keyspace_id, max(seq) FROM publications GROUP BY keyspace_id").unwrap();
        let rows = newest.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// The audit log of the first workspace.
    pub(crate) async fn audit_rows(&self) -> Vec<AuditEntry> {
        let workspace = self.app.store.audited_workspaces().await.unwrap()[0];
        self.app.store.audit_entries(workspace, 0, u32::MAX).await.unwrap()
    }

    /// Another tenant with an admin key of its own. There is no operation for it yet.
    pub(crate) fn other_workspace(&self) -> Api {
        let token = admin_token();
        let (ids, now) = (IdSource::default(), SystemClock.now());
        let workspace: u64 = ids.next(now);
        let admin_key: u64 = ids.next(now);
        let database = self.database();
        database
            .execute(
                "INSERT INTO workspaces (id, name, created_at) VALUES (?1, 'Other', 0)",
                [workspace as i64],
            )
            .unwrap();
        database
            .execute(
                "INSERT INTO admin_keys (id, workspace_id, name, digest, start, created_at) VALUES (?1, ?2, 'k', ?3, ?4, 0)",
                params![admin_key as i64, workspace as i64, token.digest().0, token.start()],
            )
            .unwrap();
        database
            .execute(
                "INSERT INTO admin_key_rights (admin_key_id, scopes) VALUES (?1, '[\"*\"]')",
                [admin_key as i64],
            )
            .unwrap();
        self.api.with_key(Some(token.expose()))
    }
}

/// Settings that keep tests short.
pub(crate) fn quick() -> PublisherConfig {
    PublisherConfig {
        heartbeat: Duration::from_secs(30),
        coalesce: Duration::from_millis(20),
        push_timeout: Duration::from_secs(5),
        retry_max: Duration::from_millis(400),
        sink_folder: Some(std::env::temp_dir()),
    }
}

fn admin_token() -> SecretToken {
    generate(&Prefix::new("lkadm").unwrap(), Environment::Live, &mut rand::rng())
}

fn vault() -> Vault {
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32]);
    Vault::new(&MasterKey::load(&MasterKeySource::Environment(text.into())).unwrap())
}

async fn try_open(folder: &Path, clock: Arc<dyn Clock>) -> Result<App, String> {
    let store = SqliteStore::open(folder).map_err(|error| error.to_string())?;
    // Every receiver of a test is on this machine.
    Ok(App::new(Arc::new(store), clock, vault()).with_webhook_loopback(LoopbackRule::Allowed))
}

async fn open(folder: &Path, clock: Arc<dyn Clock>) -> (App, String) {
    let app = try_open(folder, clock).await.unwrap();
    let (token, now) = (admin_token(), app.now());
    let workspace = Workspace { id: app.next_id(), name: "Default".into(), created_at: now };
    let admin_key = AdminKey::first(app.next_id(), workspace.id, "First", token.start(), now);
    let actor = Actor::system(workspace.id, app.next_id());
    let check = app.vault.seal_check().unwrap();
    let store: &dyn WorkspaceStore = app.store.as_ref();
    assert!(store.bootstrap(&actor, workspace, admin_key, token.digest().0, check).await.unwrap());
    (app, token.expose().to_owned())
}
