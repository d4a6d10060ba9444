use clap::Subcommand;
use serde_json::{Map, Value};

use super::api::Group;
use super::client::Call;
use super::exit::Failure;
use super::input;
use super::keyspaces::{self, set};
use super::output::{Column, PageArgs, list};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a role.
    Create {
        /// ks_…
        keyspace: String,
        /// What keys call it by.
        #[arg(long)]
        name: String,
        /// More about it.
        #[arg(long)]
        description: Option<String>,
        /// A permission that it grants, such as orders:read or orders:*; repeat for several.
        #[arg(long, value_name = "PERMISSION")]
        grant: Vec<String>,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List the roles of a keyspace.
    List {
        /// ks_…
        keyspace: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a role.
    Get {
        /// ks_…
        keyspace: String,
        /// role_…
        role: String,
    },
    /// Change a role; what is not given stays as it is. Keys that have it get what it grants then.
    Update {
        /// ks_…
        keyspace: String,
        /// role_…
        role: String,
        /// What keys call it by.
        #[arg(long)]
        name: Option<String>,
        /// More about it.
        #[arg(long)]
        description: Option<String>,
        /// A permission that it grants; repeat for several. Replaces the list.
        #[arg(long, value_name = "PERMISSION")]
        grant: Vec<String>,
        /// Put a field back to its default.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
        /// Only if it is still as it was at this change_seq.
        #[arg(long, value_name = "CHANGE_SEQ")]
        if_match: Option<u64>,
    },
    /// Delete a role; refused while keys have it.
    Delete {
        /// ks_…
        keyspace: String,
        /// role_…
        role: String,
        /// Take it from the keys that have it.
        #[arg(long)]
        force: bool,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Create { keyspace, name, description, grant, idempotency_key } => {
            let mut body = fields(Some(name), description, grant);
            body.entry("grants").or_insert_with(|| Value::Array(Vec::new()));
            session.show(Call::post(roles(&keyspace)?, body).idempotency_key(idempotency_key)).await
        }
        Command::List { keyspace, page } => list(&session, Call::get(roles(&keyspace)?), page, COLUMNS).await,
        Command::Get { keyspace, role } => session.show(Call::get(path(&keyspace, &role)?)).await,
        Command::Update { keyspace, role, name, description, grant, unset, if_match } => {
            let mut body = fields(name, description, grant);
            body.extend(unset.into_iter().map(|field| (field, Value::Null)));
            session.show(Call::patch(path(&keyspace, &role)?, body).if_match(if_match)).await
        }
        Command::Delete { keyspace, role, force } => {
            let call = Call::delete(path(&keyspace, &role)?).query("force", force.then_some(true));
            session.perform(call, &format!("{role} is deleted")).await
        }
    }
}

fn roles(keyspace: &str) -> Result<String, Failure> {
    Ok(keyspaces::path(keyspace)? + "/roles")
}

fn path(keyspace: &str, role: &str) -> Result<String, Failure> {
    Ok(format!("{}/{}", roles(keyspace)?, input::id("role", "role", role)?))
}

fn fields(name: Option<String>, description: Option<String>, grants: Vec<String>) -> Map<String, Value> {
    let mut body = Map::new();
    set(&mut body, "name", name);
    set(&mut body, "description", description);
    set(&mut body, "grants", (!grants.is_empty()).then_some(grants));
    body
}

const COLUMNS: &[Column] = &[
    Column("id", |item| Column::text(item, "/id")),
    Column("name", |item| Column::text(item, "/name")),
    Column("grants", |item| Column::text(item, "/grants")),
    Column("description", |item| Column::text(item, "/description")),
];
