use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Map;

use super::path;
use super::restrictions::ip_rules;
use crate::cli::api::Session;
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::keyspaces::set;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Show the rules, in the order in which they are asked.
    Get {
        /// key_…
        key: String,
    },
    /// Replace the rules.
    Put {
        /// key_…
        key: String,
        /// A JSON object with `rules`, as `get --output json` shows it; in any order.
        #[arg(value_name = "FILE|-", required_unless_present_any = ["allow_ip", "deny_ip"])]
        file: Option<PathBuf>,
        /// A network or address from which it may be used, and then from no others; repeat for several.
        #[arg(long, value_name = "CIDR", conflicts_with = "file")]
        allow_ip: Vec<String>,
        /// A network or address from which it may not be used; these rules come before those that allow.
        #[arg(long, value_name = "CIDR", conflicts_with = "file")]
        deny_ip: Vec<String>,
        /// Only if the key is still as it was at this change_seq.
        #[arg(long, value_name = "CHANGE_SEQ")]
        if_match: Option<u64>,
    },
    /// Say whether a key may be used from an address, and which rule decides; with a file, whether it might under other rules.
    Preview {
        /// key_…
        key: String,
        /// IPv4 or IPv6.
        address: String,
        /// A JSON object with `rules` to try instead of the key's.
        #[arg(value_name = "FILE|-")]
        file: Option<PathBuf>,
    },
}

pub(super) async fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Get { key } => session.show(Call::get(of(&key)?)).await,
        Command::Put { key, file, allow_ip, deny_ip, if_match } => {
            let mut body = rules_in(session, file)?;
            set(&mut body, "rules", ip_rules(allow_ip, deny_ip));
            session.show(Call::put(of(&key)?, body).if_match(if_match)).await
        }
        Command::Preview { key, address, file } => {
            let mut body = rules_in(session, file)?;
            set(&mut body, "address", Some(address));
            session.show(Call::post(of(&key)? + ":preview", body)).await
        }
    }
}

fn of(key: &str) -> Result<String, Failure> {
    Ok(path(key)? + "/ip-rules")
}

/// What `get` shows can be put again: it names the default, which follows from the rules.
fn rules_in(session: &Session, file: Option<PathBuf>) -> Result<Map<String, serde_json::Value>, Failure> {
    let mut body = session.object(file.as_deref())?;
    body.remove("default");
    Ok(body)
}
