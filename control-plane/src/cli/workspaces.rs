use clap::Subcommand;

use super::exit::Failure;
use super::settings::Settings;
use crate::domain::text;
use crate::serve;

/// On the database itself, while no server runs on it: an admin key belongs to one workspace and cannot make another.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a workspace, and print its first admin key, once.
    Create {
        /// What people call it.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    let Command::Create { name, settings } = command;
    let name = text::name(name).map_err(|fault| Failure::usage(format!("the name {fault}")))?;
    Ok(serve::create_workspace(&settings.load_and_log()?, name).await?)
}
