//! The `latchkey` command: the server itself, and a client of its API. Exit codes are in `exit`.
//!
//! No secret is ever an argument: the admin key comes from a variable, a file or standard input, tokens from standard
//! input. A new token is written once, to standard output; everything said about the work goes to standard error.

mod admin_key;
mod admin_keys;
mod api;
mod audit;
mod client;
mod confirm;
mod doctor;
mod environments;
mod epoch;
mod exit;
mod guard;
mod input;
mod keys;
mod keyspaces;
mod output;
mod permissions;
mod policy;
mod propagation;
mod requests;
mod roles;
mod settings;
mod sign;
mod signing_keys;
mod sinks;
mod snapshot;
mod token;
mod upstream_credentials;
mod webhooks;
mod workspaces;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::api::Group;
use self::exit::Failure;
use self::settings::Settings;
use crate::{http, serve};

/// The Latchkey control plane: its server, and a client of its API.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, after_help = exit::TABLE, after_long_help = exit::TABLE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the admin API and publish snapshots.
    Serve(Settings),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the configuration file with every default.
    Config,
    /// Find out what is wrong with an installation.
    Doctor(Box<doctor::DoctorArgs>),
    /// Workspaces: tenants, kept strictly apart.
    #[command(subcommand)]
    Workspaces(workspaces::Command),
    /// Keyspaces: the keys that one gate enforces together.
    Keyspaces(Group<keyspaces::Command>),
    /// Keys and their tokens.
    Keys(Box<Group<keys::Command>>),
    /// Roles: named sets of permissions.
    Roles(Group<roles::Command>),
    /// Permissions that routes ask for and roles grant.
    Permissions(Group<permissions::Command>),
    /// The policy: which route needs what.
    Policy(Group<policy::Command>),
    /// Places that snapshots are written to, for gates to read.
    Sinks(Group<sinks::Command>),
    /// Credentials that gates add to requests.
    UpstreamCredentials(Group<upstream_credentials::Command>),
    /// Make a pair by which upstream credentials are sealed for gates, without a server.
    GateKey,
    /// Test and live.
    Environments(Group<environments::Command>),
    /// Keys to the admin API.
    AdminKeys(Group<admin_keys::Command>),
    /// Requests that gates decided.
    Requests(Group<requests::Command>),
    /// Addresses that are told of events, and what became of it.
    Webhooks(Box<Group<webhooks::Command>>),
    /// The audit log.
    Audit(Group<audit::Command>),
    /// How far changes have come.
    Propagation(Group<propagation::Command>),
    /// Keys that sign what gates are sent.
    SigningKeys(Group<signing_keys::Command>),
    /// What to do after the database was restored from a backup.
    Epoch(Group<epoch::Command>),
    /// Signed snapshots.
    Snapshot(Group<snapshot::Command>),
    /// Look at a token, without a server.
    Token(token::TokenArgs),
    /// Sign a request with a key pair, without a server: writes the headers to send with it.
    Sign(sign::SignArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // Before clap, which would repeat an argument that it does not expect.
    let done =
        guard::refuse_tokens(std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()))
            .and_then(|()| dispatch(Cli::parse().command));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::Reported) {
                output::remark(&failure.to_string());
            }
            failure.exit_code()
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(settings) => {
            let config = settings.load_and_log()?;
            run_served(async { Ok(serve::serve(config, stop_signal()?).await?) })
        }
        Command::Openapi => output::print(&http::document()),
        Command::Config => output::print(crate::config::DEFAULTS),
        Command::Doctor(args) => run(doctor::run(*args)),
        Command::Workspaces(command) => run_served(workspaces::run(command)),
        Command::Keyspaces(group) => run(keyspaces::run(group)),
        Command::Keys(group) => run(keys::run(*group)),
        Command::Roles(group) => run(roles::run(group)),
        Command::Permissions(group) => run(permissions::run(group)),
        Command::Policy(group) => run(policy::run(group)),
        Command::Sinks(group) => run(sinks::run(group)),
        Command::UpstreamCredentials(group) => run(upstream_credentials::run(group)),
        Command::GateKey => upstream_credentials::make_pair(),
        Command::Environments(group) => run(environments::run(group)),
        Command::AdminKeys(group) => run(admin_keys::run(group)),
        Command::Requests(group) => run(requests::run(group)),
        Command::Webhooks(group) => run(webhooks::run(*group)),
        Command::Audit(group) => run_served(audit::run(group)),
        Command::Propagation(group) => run(propagation::run(group)),
        Command::SigningKeys(group) => run(signing_keys::run(group)),
        Command::Epoch(group) => run(epoch::run(group)),
        Command::Snapshot(group) => run(snapshot::run(group)),
        Command::Token(args) => token::run(args),
        Command::Sign(args) => sign::run(&args),
    }
}

/// Runs something that the store's threads take part in.
fn run_served(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn run(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Ready at SIGINT (Ctrl-C) or SIGTERM.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory};

    use super::*;

    /// An argument of a command that is named as one that every command has would be read as that: `--url` of a webhook as the server's,
    /// and its receiver would be sent the admin key.
    #[test]
    fn no_command_has_an_argument_that_is_named_as_one_of_all_commands() {
        fn shadowing(command: &Command, above: &BTreeSet<String>, path: &str, found: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            let mut global = above.clone();
            for argument in command.get_arguments() {
                let name = argument.get_long().unwrap_or(argument.get_id().as_str()).to_owned();
                if above.contains(&name) {
                    found.push(format!("{path} --{name}"));
                }
                if argument.is_global_set() {
                    global.insert(name);
                }
            }
            command.get_subcommands().for_each(|inner| shadowing(inner, &global, &path, found));
        }
        let mut found = Vec::new();
        shadowing(&Cli::command(), &BTreeSet::new(), "", &mut found);
        assert_eq!(found, [""; 0]);
    }
}
