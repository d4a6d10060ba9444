use std::path::PathBuf;

use clap::Subcommand;

use super::api::Group;
use super::client::Call;
use super::exit::Failure;
use super::keyspaces;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the policy.
    Get {
        /// ks_…
        keyspace: String,
    },
    /// Replace the policy.
    Put {
        /// ks_…
        keyspace: String,
        /// The policy as JSON, as `get --output json` shows it.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Get { keyspace } => session.show(Call::get(keyspaces::path(&keyspace)? + "/policy")).await,
        Command::Put { keyspace, file } => {
            let path = keyspaces::path(&keyspace)? + "/policy";
            let body = session.object(Some(&file))?;
            session.show(Call::put(path, body)).await
        }
    }
}
