//! `latchkey sinks`: one sink of a keyspace's list at a time.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::keyspaces::{self, set};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the sinks of a keyspace and how far they have come.
    List {
        /// ks_…
        keyspace: String,
    },
    /// Add a sink, or put it in the place of the one with its name. Its secret is read from standard input and never shown again.
    Set {
        /// ks_…
        keyspace: String,
        #[command(flatten)]
        sink: Box<Sink>,
        /// Keep the secret that the sink has; only while nothing else of it changes.
        #[arg(long)]
        keep_secret: bool,
    },
    /// Write to a sink no longer. What it holds stays there.
    Remove {
        /// ks_…
        keyspace: String,
        /// What the sink is called.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Sink {
    /// kv, s3, gcs or folder.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// What it is called.
    #[arg(long)]
    name: String,
    /// kv: the account.
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
    /// kv: the namespace.
    #[arg(long, value_name = "ID")]
    namespace_id: Option<String>,
    /// kv: another address than Cloudflare's.
    #[arg(long, value_name = "URL")]
    api_base: Option<String>,
    /// s3, gcs: the bucket.
    #[arg(long)]
    bucket: Option<String>,
    /// s3, gcs: what stands before the names of objects.
    #[arg(long)]
    prefix: Option<String>,
    /// s3: the region; us-east-1 unless given, `auto` at R2.
    #[arg(long)]
    region: Option<String>,
    /// s3: another address than Amazon's.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// s3: the public half of the credentials.
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
    /// folder: an absolute path below the server's sink_folder.
    #[arg(long)]
    path: Option<String>,
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::List { keyspace } => {
            session.show(Call::get(keyspaces::path(&keyspace)? + "/propagation")).await
        }
        Command::Set { keyspace, sink, keep_secret } => {
            let mut sinks = present(&session, &keyspace).await?;
            let sink = sink.into_value(&session, keep_secret)?;
            match sinks.iter_mut().find(|present| present["name"] == sink["name"]) {
                Some(present) => *present = sink,
                None => sinks.push(sink),
            }
            session.show(replace(&keyspace, sinks)?).await
        }
        Command::Remove { keyspace, name } => {
            let mut sinks = present(&session, &keyspace).await?;
            let before = sinks.len();
            sinks.retain(|sink| sink["name"] != name.as_str());
            if sinks.len() == before {
                return Err(Failure::usage(format!("the keyspace has no sink `{name}`")));
            }
            session.perform(replace(&keyspace, sinks)?, &format!("{name} is no longer written to")).await
        }
    }
}

/// The sinks that a keyspace has. Sent back as they are, they keep their secrets.
async fn present(session: &Session, keyspace: &str) -> Result<Vec<Value>, Failure> {
    let keyspace = session.client.send(Call::get(keyspaces::path(keyspace)?)).await?.json()?;
    Ok(keyspace["sinks"].as_array().cloned().unwrap_or_default())
}

fn replace(keyspace: &str, sinks: Vec<Value>) -> Result<Call, Failure> {
    let mut body = Map::new();
    set(&mut body, "sinks", Some(json!(sinks)));
    Ok(Call::patch(keyspaces::path(keyspace)?, body))
}

impl Sink {
    fn into_value(self, session: &Session, keep_secret: bool) -> Result<Value, Failure> {
        let mut sink = Map::new();
        let needs_secret = self.kind != "folder";
        set(&mut sink, "type", Some(self.kind));
        set(&mut sink, "name", Some(self.name));
        set(&mut sink, "account_id", self.account_id);
        set(&mut sink, "namespace_id", self.namespace_id);
        set(&mut sink, "api_base", self.api_base);
        set(&mut sink, "bucket", self.bucket);
        set(&mut sink, "prefix", self.prefix);
        set(&mut sink, "region", self.region);
        set(&mut sink, "endpoint", self.endpoint);
        set(&mut sink, "access_key_id", self.access_key_id);
        set(&mut sink, "path", self.path);
        if needs_secret && !keep_secret {
            let secret = session.secret("the sink's secret")?;
            set(&mut sink, "secret", Some(secret.expose()));
        }
        Ok(Value::Object(sink))
    }
}
