use clap::Subcommand;
use serde_json::Map;

use super::api::Group;
use super::client::Call;
use super::exit::Failure;
use super::keyspaces;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show every permission that a route asks for or a role grants, and where.
    List {
        /// ks_…
        keyspace: String,
    },
    /// Show what roles and permissions would grant together, before any key has them.
    Preview {
        /// ks_…
        keyspace: String,
        /// A role; repeat for several.
        #[arg(long, value_name = "ROLE")]
        role: Vec<String>,
        /// A permission; repeat for several.
        #[arg(long, value_name = "PERMISSION")]
        permission: Vec<String>,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::List { keyspace } => {
            session.show(Call::get(keyspaces::path(&keyspace)? + "/permissions")).await
        }
        Command::Preview { keyspace, role, permission } => {
            let mut body = Map::new();
            body.insert("roles".to_owned(), role.into());
            body.insert("permissions".to_owned(), permission.into());
            session.show(Call::post(keyspaces::path(&keyspace)? + "/permissions:preview", body)).await
        }
    }
}
