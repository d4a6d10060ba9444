use clap::Subcommand;
use serde_json::Map;

use super::api::Group;
use super::client::Call;
use super::exit::Failure;
use super::keyspaces;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show which environments are on, and what live still needs.
    Get {
        /// ks_…
        keyspace: String,
    },
    /// Let live keys work. Refused until everything that live needs is there.
    EnableLive {
        /// ks_…
        keyspace: String,
    },
    /// Keep live keys from working.
    DisableLive {
        /// ks_…
        keyspace: String,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    let switch = |keyspace: &str, enabled: bool| {
        let body = Map::from_iter([("enabled".to_owned(), enabled.into())]);
        Ok::<_, Failure>(Call::put(keyspaces::path(keyspace)? + "/environments/live", body))
    };
    match group.command {
        Command::Get { keyspace } => {
            session.show(Call::get(keyspaces::path(&keyspace)? + "/environments")).await
        }
        Command::EnableLive { keyspace } => session.show(switch(&keyspace, true)?).await,
        Command::DisableLive { keyspace } => session.show(switch(&keyspace, false)?).await,
    }
}
