//! `latchkey doctor`: what is wrong with an installation, and what to do about it. It changes nothing.

mod local;
mod report;
mod server;

use clap::{Args, ValueEnum};

use self::report::Report;
use super::api::ApiArgs;
use super::exit::Failure;
use super::output;
use super::settings::Settings;

#[derive(Debug, Args)]
#[command(after_help = "Ends with 1 if there is a problem; warnings do not count.")]
pub(super) struct DoctorArgs {
    /// Look at one side only: at this machine's files, or at the server through its API.
    #[arg(long, value_name = "SIDE")]
    only: Option<Side>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// Configuration, data folder, database, master key, clock, port.
    Local,
    /// Readiness, gates, snapshots.
    Server,
}

pub(super) use local::reachable;

pub(super) async fn run(args: DoctorArgs) -> Result<(), Failure> {
    let DoctorArgs { only, settings, mut api } = args;
    let mut report = Report::default();
    if only != Some(Side::Server)
        && let Some(config) = local::check(settings, &mut report)
    {
        api.prefer_local(config.listen);
    }
    if only != Some(Side::Local) {
        server::check(&api, &mut report).await;
    }
    output::print(&report.render(api.output)?)?;
    if report.has_problem() { Err(Failure::Reported) } else { Ok(()) }
}
