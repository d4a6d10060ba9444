use std::io::Write;

use clap::Subcommand;
use serde_json::json;

use super::api::{ApiArgs, Group};
use super::client::Call;
use super::exit::Failure;
use super::output::{self, Column, Format, PageArgs, list};
use super::settings::Settings;
use super::{input, keyspaces};
use crate::domain::WorkspaceId;
use crate::domain::audit::ChainVerifier;
use crate::storage::sqlite::SqliteStore;
use crate::storage::{AuditStore, StoreError, check_audit_log};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List what was done, newest first.
    List {
        /// Only in a keyspace: ks_…
        #[arg(long)]
        keyspace: Option<String>,
        /// Only to an object, by its id.
        #[arg(long, value_name = "ID")]
        object: Option<String>,
        /// Only by an admin key: adm_…, or system.
        #[arg(long, value_name = "ADMIN_KEY")]
        actor: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Check the hash chain. With --data-dir or --config: of every workspace, in the database itself, while no server runs on it;
    /// otherwise the server checks that of the admin key's workspace.
    Verify(Box<Settings>),
    /// Write everything as NDJSON to standard output, oldest first.
    Export,
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    match group.command {
        Command::Verify(settings) if settings.names_a_place() => {
            verify_database(*settings, group.api.output).await
        }
        Command::Verify(_) => verify_by_server(&group.api).await,
        Command::Export => export(&group.api).await,
        Command::List { keyspace, object, actor, page } => {
            let session = group.api.session()?;
            if let Some(keyspace) = &keyspace {
                keyspaces::path(keyspace)?;
            }
            if let Some(object) = &object {
                input::any_id(object)?;
            }
            if let Some(actor) = actor.as_ref().filter(|actor| *actor != "system") {
                input::id("adm", "admin key", actor)?;
            }
            let call = Call::get("/v1/audit")
                .query("keyspace_id", keyspace)
                .query("object", object)
                .query("actor", actor);
            list(&session, call, page, COLUMNS).await
        }
    }
}

const COLUMNS: &[Column] = &[
    Column("at", |item| Column::text(item, "/at")),
    Column("actor", |item| Column::text(item, "/actor")),
    Column("action", |item| Column::text(item, "/action")),
    Column("object", |item| Column::text(item, "/object")),
    Column("source", |item| Column::text(item, "/source")),
    Column("request_id", |item| Column::text(item, "/request_id")),
];

async fn export(api: &ApiArgs) -> Result<(), Failure> {
    let session = api.session()?;
    let mut lines = session.client.stream(Call::get("/v1/audit:export")).await?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    while let Some(line) = lines.next().await? {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

async fn verify_by_server(api: &ApiArgs) -> Result<(), Failure> {
    let session = api.session()?;
    let reply = session.client.send(Call::get("/v1/audit:verify")).await?;
    output::print(&output::object(&reply.text, session.format)?)?;
    if reply.json()?["ok"] == json!(true) { Ok(()) } else { Err(broken(1)) }
}

/// Walks every chain and writes one line for each.
async fn verify_database(settings: Settings, format: Format) -> Result<(), Failure> {
    let config = settings.load_and_log()?;
    let store = SqliteStore::open(&config.data_dir).map_err(anyhow::Error::from)?;
    let mut faults = 0;
    for workspace in store.audited_workspaces().await.map_err(anyhow::Error::from)? {
        let verdict = verify_workspace(&store, workspace).await.map_err(anyhow::Error::from)?;
        faults += u32::from(verdict.is_err());
        let line = match (&verdict, format) {
            (Ok(rows), Format::Table) => format!("{workspace}: {rows} rows, unbroken"),
            (Err(fault), Format::Table) => format!("{workspace}: BROKEN: {fault}"),
            (Ok(rows), Format::Json) => {
                json!({ "workspace": workspace, "ok": true, "rows": rows }).to_string()
            }
            (Err(fault), Format::Json) => {
                json!({ "workspace": workspace, "ok": false, "fault": fault }).to_string()
            }
        };
        output::print(&(line + "\n"))?;
    }
    if faults > 0 { Err(broken(faults)) } else { Ok(()) }
}

fn broken(logs: u32) -> Failure {
    let logs = if logs == 1 { "the audit log was".to_owned() } else { format!("{logs} audit logs were") };
    Failure::failed(format!("{logs} tampered with or damaged; compare with a backup"))
}

async fn verify_workspace(
    store: &SqliteStore,
    workspace: WorkspaceId,
) -> Result<Result<u64, String>, StoreError> {
    let mut chain = ChainVerifier::default();
    let verdict = check_audit_log(store, workspace, &mut chain).await?;
    Ok(verdict.map(|()| chain.rows()))
}
