//! `latchkey upstream-credentials` and `latchkey gate-key`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::input;
use super::keyspaces::{self, set};
use super::output::{self, Column, PageArgs, list};
use crate::seal::make_gate_key;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a credential. Its value is read from standard input and never shown again.
    Create {
        /// ks_…
        keyspace: String,
        /// By which routes refer to it.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        place: Place,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List the credentials of a keyspace, newest first.
    List {
        /// ks_…
        keyspace: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a credential, without its value.
    Get {
        /// ks_…
        keyspace: String,
        /// uc_…
        credential: String,
    },
    /// Change a credential; what is not given stays as it is.
    Update {
        /// ks_…
        keyspace: String,
        /// uc_…
        credential: String,
        #[command(flatten)]
        place: Place,
        /// Read another value from standard input.
        #[arg(long)]
        value_stdin: bool,
        /// Put a field back to its default.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
    },
    /// Delete a credential; requests of routes that name it are refused from then on.
    Delete {
        /// ks_…
        keyspace: String,
        /// uc_…
        credential: String,
    },
}

/// Where a credential goes in a request.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The header that it goes into, in lower case; authorization unless given.
    #[arg(long)]
    header: Option<String>,
    /// What stands before it in the header; "Bearer " in authorization unless given.
    #[arg(long)]
    prefix: Option<String>,
}

impl Place {
    fn into_body(self) -> Map<String, Value> {
        let mut body = Map::new();
        set(&mut body, "header", self.header);
        set(&mut body, "prefix", self.prefix);
        body
    }
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Create { keyspace, name, place, idempotency_key } => {
            let mut body = place.into_body();
            set(&mut body, "name", Some(name));
            add_value(&session, &mut body)?;
            session.show(Call::post(all(&keyspace)?, body).idempotency_key(idempotency_key)).await
        }
        Command::List { keyspace, page } => list(&session, Call::get(all(&keyspace)?), page, COLUMNS).await,
        Command::Get { keyspace, credential } => session.show(Call::get(one(&keyspace, &credential)?)).await,
        Command::Update { keyspace, credential, place, value_stdin, unset } => {
            let mut body = place.into_body();
            body.extend(unset.into_iter().map(|field| (field, Value::Null)));
            if value_stdin {
                add_value(&session, &mut body)?;
            }
            session.show(Call::patch(one(&keyspace, &credential)?, body)).await
        }
        Command::Delete { keyspace, credential } => {
            let call = Call::delete(one(&keyspace, &credential)?);
            session.perform(call, &format!("{credential} is deleted")).await
        }
    }
}

/// Makes a pair for the gates of a keyspace. The private key alone goes to standard output, ready for a pipe.
pub(super) fn make_pair() -> Result<(), Failure> {
    let (private_key, public_key) = make_gate_key();
    output::remark(&format!("the public key, for --gate-encryption-key of the keyspace: {public_key}"));
    output::remark(
        "the private key, for the gates' secret LATCHKEY_GATE_KEY, is on standard output; it is kept nowhere",
    );
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(&private_key));
    output::print(&format!("{}\n", text.as_str()))
}

fn add_value(session: &Session, body: &mut Map<String, Value>) -> Result<(), Failure> {
    let value = session.secret("the credential's value")?;
    set(body, "value", Some(value.expose()));
    Ok(())
}

fn all(keyspace: &str) -> Result<String, Failure> {
    Ok(keyspaces::path(keyspace)? + "/upstream-credentials")
}

fn one(keyspace: &str, credential: &str) -> Result<String, Failure> {
    Ok(format!("{}/{}", all(keyspace)?, input::id("uc", "upstream credential", credential)?))
}

const COLUMNS: &[Column] = &[
    Column("id", |item| Column::text(item, "/id")),
    Column("name", |item| Column::text(item, "/name")),
    Column("header", |item| Column::text(item, "/header")),
    Column("updated_at", |item| Column::text(item, "/updated_at")),
];
