//! `latchkey snapshot`.

mod file;
mod inspect;
mod verify;
mod view;

use std::path::PathBuf;

use clap::Subcommand;

use super::api::Group;
use super::client::Call;
use super::exit::Failure;
use super::keyspaces;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what the server published last, and the keys that gates must trust.
    Get {
        /// ks_…
        keyspace: String,
    },
    /// Publish a base that is held back because it has far fewer or far more keys than gates know.
    Override {
        /// ks_…
        keyspace: String,
        /// Why; kept in the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Take a head or a bundle apart. Nothing in it is verified: see `verify`.
    Inspect {
        /// The bytes, as they were pushed to a gate.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Check a head or a bundle as a gate would, without a server.
    Verify(verify::VerifyArgs),
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    match group.command {
        Command::Get { keyspace } => {
            let path = keyspaces::path(&keyspace)? + "/snapshot";
            group.api.session()?.show(Call::get(path)).await
        }
        Command::Override { keyspace, reason } => {
            let call =
                Call::post(keyspaces::path(&keyspace)? + "/snapshot:override", keyspaces::because(reason));
            group.api.session()?.perform(call, "it will be published").await
        }
        Command::Inspect { file } => inspect::inspect(&file, group.api.output),
        Command::Verify(args) => verify::verify(args, group.api.output),
    }
}
