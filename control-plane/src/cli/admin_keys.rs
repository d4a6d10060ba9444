use clap::Subcommand;
use serde_json::{Map, Value};

use super::api::Group;
use super::client::Call;
use super::exit::Failure;
use super::input;
use super::keyspaces::set;
use super::output::{Column, PageArgs, list};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an admin key. It goes to standard output, once; everything else to standard error.
    Create {
        /// Who or what it is for.
        #[arg(long)]
        name: String,
        /// What it may do, such as keys:read, keys:write or *; repeat for several.
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<String>,
        /// The only keyspaces that it reaches; repeat for several. All unless given.
        #[arg(long, value_name = "KEYSPACE")]
        keyspace: Vec<String>,
        /// never, a time such as 2027-01-31T12:00:00Z, or a span from now such as 90d.
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List admin keys, newest first.
    List(PageArgs),
    /// Show an admin key.
    Get {
        /// adm_…
        admin_key: String,
    },
    /// Revoke an admin key for good.
    Revoke {
        /// adm_…
        admin_key: String,
    },
    /// Show whom the admin key in use stands for.
    Whoami,
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Create { name, scope, keyspace, expires, idempotency_key } => {
            let mut body = Map::new();
            set(&mut body, "name", Some(name));
            set(&mut body, "scopes", Some(scope));
            for id in &keyspace {
                input::id("ks", "keyspace", id)?;
            }
            set(&mut body, "keyspaces", (!keyspace.is_empty()).then_some(keyspace));
            if let Some(when) = expires {
                let at = input::moment(&when)?;
                body.insert("expires_at".to_owned(), at.map_or(Value::Null, Value::from));
            }
            session
                .show_with_secret(Call::post("/v1/admin-keys", body).idempotency_key(idempotency_key))
                .await
        }
        Command::List(page) => list(&session, Call::get("/v1/admin-keys"), page, COLUMNS).await,
        Command::Get { admin_key } => session.show(Call::get(path(&admin_key)?)).await,
        Command::Revoke { admin_key } => {
            session.perform(Call::delete(path(&admin_key)?), &format!("{admin_key} is revoked")).await
        }
        Command::Whoami => session.show(Call::get("/v1/whoami")).await,
    }
}

fn path(admin_key: &str) -> Result<String, Failure> {
    Ok(format!("/v1/admin-keys/{}", input::id("adm", "admin key", admin_key)?))
}

const COLUMNS: &[Column] = &[
    Column("id", |item| Column::text(item, "/id")),
    Column("name", |item| Column::text(item, "/name")),
    Column("start", |item| Column::text(item, "/start")),
    Column("scopes", |item| Column::text(item, "/scopes")),
    Column("keyspaces", |item| match item["keyspaces"].as_array() {
        Some(_) => Column::text(item, "/keyspaces"),
        None => "all".to_owned(),
    }),
    Column("expires", |item| item["expires_at"].as_str().unwrap_or("never").to_owned()),
    Column("revoked", |item| Column::text(item, "/revoked_at")),
];
