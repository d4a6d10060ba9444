use clap::Subcommand;
use serde_json::{Map, Value};

use super::api::{Group, Session};
use super::client::Call;
use super::confirm::Confirmation;
use super::exit::Failure;
use super::keyspaces;
use super::output;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show whether gates are ahead of the database, and by what.
    Show {
        /// ks_…
        keyspace: String,
    },
    /// Begin a new epoch, after the database was restored from a backup.
    Raise {
        /// ks_…
        keyspace: String,
        /// Why, for the audit log.
        #[arg(long)]
        reason: String,
        /// Revoke this key first, because its revocation is lost; repeat for several.
        #[arg(long, value_name = "KEY")]
        revoke: Vec<String>,
        /// Go on although revocations may be lost and their keys work again.
        #[arg(long)]
        accept_lost_revocations: bool,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Show { keyspace } => {
            output::remark(&state(&session, &keyspace).await?);
            Ok(())
        }
        Command::Raise { keyspace, reason, revoke, accept_lost_revocations, confirmation } => {
            let path = keyspaces::path(&keyspace)?;
            let state = state(&session, &keyspace).await?;
            let first = match revoke.len() {
                0 => String::new(),
                keys => format!("revokes {keys} keys of {keyspace}, then "),
            };
            confirmation.require(&format!(
                "{first}has gates take what this database knows instead of what they have. {state}"
            ))?;
            let mut body = Map::new();
            body.insert("confirm".to_owned(), keyspace.into());
            body.insert("reason".to_owned(), reason.into());
            body.insert("revoke".to_owned(), revoke.into());
            body.insert("accept_lost_revocations".to_owned(), accept_lost_revocations.into());
            session.show(Call::post(path + ":raise-epoch", body)).await
        }
    }
}

/// What is known of the keyspace's gates, as a sentence.
async fn state(session: &Session, keyspace: &str) -> Result<String, Failure> {
    let reply = session.client.send(Call::get(keyspaces::path(keyspace)? + "/propagation")).await?;
    let view = reply.json()?;
    let restored = &view["restored"];
    if restored.is_null() {
        return Ok("No gate that was asked is ahead of the database".to_owned());
    }
    let text = |pointer: &str| restored.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    let number = |pointer: &str| restored.pointer(pointer).cloned().unwrap_or_default();
    let lost = if restored["lost_changes"].is_null() {
        "It knows no change that the database does not know".to_owned()
    } else {
        format!(
            "The changes after {} up to {} are lost: keys that were revoked in them work again unless they are revoked first",
            number("/lost_changes/after"),
            number("/lost_changes/through")
        )
    };
    Ok(format!(
        "{} has a head of epoch {} and seq {}, signed by {}, that this database never signed. {lost}",
        text("/place"),
        number("/epoch"),
        number("/seq"),
        restored["signers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" and ")
    ))
}
