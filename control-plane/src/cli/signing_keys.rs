use clap::Subcommand;
use serde_json::{Map, Value};

use super::api::Group;
use super::client::Call;
use super::confirm::Confirmation;
use super::exit::Failure;
use super::keyspaces::{self, set};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the keys that sign a keyspace's heads, and what its gates are to trust.
    List {
        /// ks_…
        keyspace: String,
    },
    /// Have a new key sign beside the current one.
    Rotate {
        /// ks_…
        keyspace: String,
        /// For how many days both sign: by then every gate has to trust the new one. Default 7.
        #[arg(long, value_name = "DAYS")]
        overlap_days: Option<u64>,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Give up the old key of a rotation.
    Complete {
        /// ks_…
        keyspace: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Replace the key at once, because it is in the wrong hands.
    Replace {
        /// ks_…
        keyspace: String,
        /// Why, for the audit log.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    let path = |keyspace: &str, verb: &str| {
        keyspaces::path(keyspace).map(|path| format!("{path}/signing-keys{verb}"))
    };
    match group.command {
        Command::List { keyspace } => session.show(Call::get(path(&keyspace, "")?)).await,
        Command::Rotate { keyspace, overlap_days, confirmation } => {
            let path = path(&keyspace, ":rotate")?;
            confirmation.require(&format!(
                "has heads of {keyspace} signed by a new key too. Before the overlap ends, give every gate of it both trusted_keys, \
                 then run `latchkey signing-keys complete {keyspace}`; a gate that trusts only the old key by then takes nothing new"
            ))?;
            let mut body = Map::new();
            set(&mut body, "overlap_days", overlap_days);
            session.show(Call::post(path, body)).await
        }
        Command::Complete { keyspace, confirmation } => {
            let path = path(&keyspace, ":complete")?;
            confirmation.require(&format!(
                "gives up the old signing key of {keyspace} for good. A gate that does not trust the new one takes nothing new from now on"
            ))?;
            session.show(Call::post(path, Map::new())).await
        }
        Command::Replace { keyspace, reason, confirmation } => {
            let path = path(&keyspace, ":replace")?;
            confirmation.require(&format!(
                "gives up every signing key of {keyspace} at once. No gate of it takes anything new, revocations included, until its \
                 LATCHKEY_TRUSTED_KEYS lists the new key alone"
            ))?;
            let body = [("confirm", keyspace), ("reason", reason)];
            let body = body.map(|(name, value)| (name.to_owned(), Value::String(value)));
            session.show(Call::post(path, Map::from_iter(body))).await
        }
    }
}
