//! `latchkey webhooks`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::input;
use super::keyspaces::set;
use super::output::{Column, PageArgs, list};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a webhook. Its secret goes to standard output, once; everything else to standard error.
    Create {
        /// Where events are sent: an https address.
        #[arg(long, value_name = "URL")]
        to: String,
        #[command(flatten)]
        fields: Fields,
        /// By what deliveries are signed: hmac-sha256 unless given, or ed25519.
        #[arg(long, value_name = "KIND")]
        signature: Option<String>,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List webhooks, newest first.
    List(PageArgs),
    /// Show a webhook, without its secret.
    Get {
        /// whk_…
        webhook: String,
    },
    /// Change a webhook; what is not given stays as it is.
    Update {
        /// whk_…
        webhook: String,
        /// Where events are sent.
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Switch it on: it hears of what happens from now on.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Switch it off.
        #[arg(long)]
        disable: bool,
        /// Put a field back to its default.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
    },
    /// Delete a webhook with its log.
    Delete {
        /// whk_…
        webhook: String,
    },
    /// Replace the secret of a webhook. The new one goes to standard output, once.
    RotateSecret {
        /// whk_…
        webhook: String,
        /// For how long deliveries are signed by both; 86400 unless given.
        #[arg(long, value_name = "SECONDS")]
        overlap_seconds: Option<u64>,
    },
    /// Send a test event.
    Test {
        /// whk_…
        webhook: String,
    },
    /// List the deliveries of a webhook, newest first.
    Deliveries {
        /// whk_…
        webhook: String,
        /// Only those that stand like this.
        #[arg(long)]
        status: Option<Status>,
        /// Only those made at or after a time, or as long ago as a span such as 2h.
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show a delivery with every attempt.
    Delivery {
        /// whk_…
        webhook: String,
        /// dlv_…
        delivery: String,
    },
    /// Send a delivery again.
    Resend {
        /// whk_…
        webhook: String,
        /// dlv_…
        delivery: String,
    },
    /// Send everything again that failed since a time.
    ResendFailed {
        /// whk_…
        webhook: String,
        /// Since a time, or for a span such as 2h.
        #[arg(long, value_name = "WHEN")]
        since: String,
    },
}

/// Which deliveries a list shows.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Status {
    Pending,
    Delivered,
    Failed,
}

/// What a webhook is told of.
#[derive(Debug, Args)]
pub(super) struct Fields {
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
    /// A type of event, such as key.revoked; repeat for several. All unless given.
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    /// The only keyspaces whose events are sent; repeat for several. All unless given.
    #[arg(long = "keyspace", value_name = "KEYSPACE")]
    keyspaces: Vec<String>,
}

impl Fields {
    fn into_body(self) -> Result<Map<String, Value>, Failure> {
        let mut body = Map::new();
        set(&mut body, "description", self.description);
        set(&mut body, "events", (!self.events.is_empty()).then_some(self.events));
        for id in &self.keyspaces {
            input::id("ks", "keyspace", id)?;
        }
        set(&mut body, "keyspaces", (!self.keyspaces.is_empty()).then_some(self.keyspaces));
        Ok(body)
    }
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Create { to, fields, signature, idempotency_key } => {
            let mut body = fields.into_body()?;
            set(&mut body, "url", Some(to));
            set(&mut body, "signature", signature);
            show_secret(&session, Call::post("/v1/webhooks", body).idempotency_key(idempotency_key)).await
        }
        Command::List(page) => list(&session, Call::get("/v1/webhooks"), page, WEBHOOKS).await,
        Command::Get { webhook } => session.show(Call::get(path(&webhook)?)).await,
        Command::Update { webhook, to, fields, enable, disable, unset } => {
            let mut body = fields.into_body()?;
            set(&mut body, "url", to);
            set(&mut body, "enabled", (enable || disable).then_some(enable));
            body.extend(unset.into_iter().map(|field| (field, Value::Null)));
            if body.is_empty() {
                // Whoever takes --url for the webhook's address must not send the admin key there.
                let message =
                    "name something to change; --to is where events are sent, --url where the server is";
                return Err(Failure::usage(message));
            }
            session.show(Call::patch(path(&webhook)?, body)).await
        }
        Command::Delete { webhook } => {
            session.perform(Call::delete(path(&webhook)?), &format!("{webhook} is deleted")).await
        }
        Command::RotateSecret { webhook, overlap_seconds } => {
            let mut body = Map::new();
            set(&mut body, "overlap_seconds", overlap_seconds);
            show_secret(&session, Call::post(path(&webhook)? + ":rotate-secret", body)).await
        }
        Command::Test { webhook } => session.show(Call::post(path(&webhook)? + ":test", Map::new())).await,
        Command::Deliveries { webhook, status, since, page } => {
            let status = status.and_then(|status| status.to_possible_value());
            let call = Call::get(path(&webhook)? + "/deliveries")
                .query("status", status.map(|status| status.get_name().to_owned()))
                .query("since", since.as_deref().map(input::past).transpose()?);
            list(&session, call, page, DELIVERIES).await
        }
        Command::Delivery { webhook, delivery } => {
            session.show(Call::get(delivery_path(&webhook, &delivery)?)).await
        }
        Command::Resend { webhook, delivery } => {
            session.show(Call::post(delivery_path(&webhook, &delivery)? + ":resend", Map::new())).await
        }
        Command::ResendFailed { webhook, since } => {
            let mut body = Map::new();
            set(&mut body, "since", Some(input::past(&since)?));
            session.show(Call::post(path(&webhook)? + ":resend-failed", body)).await
        }
    }
}

async fn show_secret(session: &Session, call: Call) -> Result<(), Failure> {
    session.show_with(call, "secret", "signing secret").await
}

fn path(webhook: &str) -> Result<String, Failure> {
    Ok(format!("/v1/webhooks/{}", input::id("whk", "webhook", webhook)?))
}

fn delivery_path(webhook: &str, delivery: &str) -> Result<String, Failure> {
    Ok(format!("{}/deliveries/{}", path(webhook)?, input::id("dlv", "delivery", delivery)?))
}

const WEBHOOKS: &[Column] = &[
    Column("id", |item| Column::text(item, "/id")),
    Column("url", |item| Column::text(item, "/url")),
    Column("events", |item| Column::text(item, "/events")),
    Column("enabled", |item| Column::text(item, "/enabled")),
    Column("failing_since", |item| Column::text(item, "/failing_since")),
    Column("disabled_reason", |item| Column::text(item, "/disabled_reason")),
];

const DELIVERIES: &[Column] = &[
    Column("id", |item| Column::text(item, "/id")),
    Column("created_at", |item| Column::text(item, "/created_at")),
    Column("type", |item| Column::text(item, "/type")),
    Column("status", |item| Column::text(item, "/status")),
    Column("attempts", |item| Column::text(item, "/attempts")),
    Column("response", |item| Column::text(item, "/last_response_status")),
    Column("error", |item| Column::text(item, "/last_error")),
    Column("next_attempt_at", |item| Column::text(item, "/next_attempt_at")),
];
