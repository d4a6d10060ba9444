//! `latchkey serve`: opens everything, serves until told to stop, and closes in order.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use latchkey_token::{Environment, Prefix, SecretToken, generate};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::Config;
use crate::domain::admin_key::TOKEN_PREFIX;
use crate::domain::{Actor, AdminKey, Clock, IdSource, SystemClock, Timestamp, Workspace};
use crate::seal::{MasterKey, MasterKeyError, Vault};
use crate::storage::sqlite::SqliteStore;
use crate::storage::{Store, WorkspaceStore};
use crate::{http, jobs, publisher, webhooks};

/// How long requests in flight may take once a stop was asked for.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(10);

/// Runs until `stop` is ready. The first start prints the admin key, once, on standard output.
///
/// # Errors
/// Whatever keeps it from starting, with the way out.
pub async fn serve(config: Config, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.data_dir)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Before the first start makes an admin key: a start that fails must not use it up.
    let listener = bind(config.listen).await?;
    let vault = open_vault(&config, store.as_ref(), clock.as_ref()).await?;
    let app = App::new(store, clock, vault)
        .with_requests_per_second(config.requests_per_second)
        .with_webhook_loopback(config.webhook_loopback);
    let address = listener.local_addr()?;

    let (stopping, stopped) = tokio::sync::watch::channel(());
    let mut draining = stopped.clone();
    let mut publisher = tokio::spawn(publisher::run(app.clone(), config.publisher, stopped.clone()));
    tokio::select! {
        () = app.until_publishing() => tracing::info!("listening on http://{address}"),
        ended = &mut publisher => ended??,
    }
    tokio::spawn(jobs::run(app.clone(), config.jobs, stopped.clone()));
    let mut sender = tokio::spawn(webhooks::run(app.clone(), stopped.clone()));
    let server = axum::serve(listener, http::router(app).into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            let _ = draining.changed().await;
        });
    let server = tokio::spawn(server.into_future());
    tokio::select! {
        () = stop => tracing::info!("stopping: no new requests are taken"),
        // It ends by itself only if it cannot work; then neither can the program.
        ended = &mut publisher => ended??,
        ended = &mut sender => ended??,
    }
    drop((stopping, stopped));
    match tokio::time::timeout(DRAIN, server).await {
        Ok(ended) => ended??,
        Err(_) => tracing::warn!("requests were still running after {} s and are cut off", DRAIN.as_secs()),
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; if another program has the port, choose one with --listen or LATCHKEY_LISTEN")
    })
}

async fn open_vault(config: &Config, store: &dyn Store, clock: &dyn Clock) -> anyhow::Result<Vault> {
    if let Some(check) = store.master_key_check().await? {
        let vault = Vault::new(&MasterKey::load(&config.master_key)?);
        if !vault.opens_check(&check) {
            bail!(MasterKeyError::Wrong(config.master_key.clone()));
        }
        return Ok(vault);
    }
    let vault = Vault::new(&MasterKey::load_or_make(&config.master_key)?);
    first_start(store, clock, &vault).await?;
    Ok(vault)
}

/// Makes the first workspace and its admin key, whose token leaves the program here and nowhere else.
async fn first_start(store: &dyn Store, clock: &dyn Clock, vault: &Vault) -> anyhow::Result<()> {
    let NewWorkspace { actor, workspace, admin_key, token } =
        NewWorkspace::draw("Default".to_owned(), clock.now())?;
    let made = store.bootstrap(&actor, workspace, admin_key, token.digest().0, vault.seal_check()?).await?;
    if made { show(&token) } else { Ok(()) }
}

/// Makes a further workspace in the database of `config`, on which no server may run, and prints its first admin key, once.
///
/// # Errors
/// The database is in use, was never started, or cannot be written.
pub async fn create_workspace(config: &Config, name: String) -> anyhow::Result<()> {
    let store = SqliteStore::open(&config.data_dir)?;
    if store.master_key_check().await?.is_none() {
        bail!(
            "nothing has been set up in {} yet; start `latchkey serve` there once",
            config.data_dir.display()
        );
    }
    let NewWorkspace { actor, workspace, admin_key, token } = NewWorkspace::draw(name, SystemClock.now())?;
    let id = workspace.id;
    store.create_workspace(&actor, workspace, admin_key, token.digest().0).await?;
    writeln!(std::io::stdout().lock(), "workspace: {id}")?;
    show(&token)
}

/// A workspace that is yet to be stored, and the token of its first admin key.
struct NewWorkspace {
    actor: Actor,
    workspace: Workspace,
    admin_key: AdminKey,
    token: SecretToken,
}

impl NewWorkspace {
    fn draw(name: String, now: Timestamp) -> anyhow::Result<Self> {
        let ids = IdSource::default();
        let prefix = Prefix::new(TOKEN_PREFIX).context("the prefix of admin keys follows the grammar")?;
        let token = generate(&prefix, Environment::Live, &mut UnwrapErr(SysRng));
        let workspace = Workspace { id: ids.next(now), name, created_at: now };
        let admin_key = AdminKey::first(ids.next(now), workspace.id, "First admin key", token.start(), now);
        let actor = Actor::system(workspace.id, ids.next(now));
        Ok(Self { actor, workspace, admin_key, token })
    }
}

fn show(token: &SecretToken) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "admin key: {}", token.expose())?;
    Ok(out.flush()?)
}
