use clap::Subcommand;
use serde_json::Map;

use super::path;
use crate::cli::api::Session;
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::keyspaces::set;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Let a pair sign a key's requests. Without --public-key a pair is made, and its private half goes to standard output, once.
    Add {
        /// key_…
        key: String,
        /// An Ed25519 public key, 32 bytes in base64url.
        // One in 64 begins with a hyphen.
        #[arg(long, value_name = "BASE64URL", allow_hyphen_values = true)]
        public_key: Option<String>,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// Take a key's requests signed by a pair no more.
    Delete {
        /// key_…
        key: String,
        /// sk_…
        signing_key: String,
    },
}

pub(super) async fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Add { key, public_key, idempotency_key } => {
            let mut body = Map::new();
            set(&mut body, "public_key", public_key);
            let call = Call::post(of(&key)?, body).idempotency_key(idempotency_key);
            session.show_with(call, "private_key", "private key").await
        }
        Command::Delete { key, signing_key } => {
            let own = input::id("sk", "signing key", &signing_key)?;
            let call = Call::delete(format!("{}/{own}", of(&key)?));
            session.perform(call, &format!("{signing_key} is deleted")).await
        }
    }
}

fn of(key: &str) -> Result<String, Failure> {
    Ok(path(key)? + "/signing-keys")
}
