//! `latchkey requests`.

use clap::Subcommand;

use super::api::Group;
use super::client::Call;
use super::exit::Failure;
use super::output::{Column, PageArgs, list};
use super::{input, keyspaces};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the requests that the gates of a keyspace decided, newest first.
    List {
        /// ks_…
        keyspace: String,
        /// Only with a key: key_…
        #[arg(long)]
        key: Option<String>,
        /// Only those decided so, such as VALID or REVOKED.
        #[arg(long)]
        code: Option<String>,
        /// Only those answered with this status.
        #[arg(long)]
        status: Option<u16>,
        /// Only those at or after a time, or as long ago as a span such as 2h.
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// Only those before a time, or longer ago than a span.
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Count the requests of a keyspace by hour and outcome.
    Count {
        /// ks_…
        keyspace: String,
        /// From the hour of a time, or as long ago as a span such as 2d; else the last 24 hours.
        #[arg(long, value_name = "WHEN")]
        from: Option<String>,
        /// Up to the hour of a time; else now.
        #[arg(long, value_name = "WHEN")]
        to: Option<String>,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::List { keyspace, key, code, status, since, until, page } => {
            if let Some(key) = &key {
                input::id("key", "key", key)?;
            }
            let call = Call::get(keyspaces::path(&keyspace)? + "/requests")
                .query("key", key)
                .query("code", code)
                .query("status", status)
                .query("since", since.as_deref().map(input::past).transpose()?)
                .query("until", until.as_deref().map(input::past).transpose()?);
            list(&session, call, page, COLUMNS).await
        }
        Command::Count { keyspace, from, to } => {
            session.show(spanned(Call::get(keyspaces::path(&keyspace)? + "/usage"), from, to)?).await
        }
    }
}

/// A call with the span of time that was asked for.
pub(super) fn spanned(call: Call, from: Option<String>, to: Option<String>) -> Result<Call, Failure> {
    Ok(call
        .query("from", from.as_deref().map(input::past).transpose()?)
        .query("to", to.as_deref().map(input::past).transpose()?))
}

const COLUMNS: &[Column] = &[
    Column("at", |item| Column::text(item, "/at")),
    Column("key", |item| Column::text(item, "/key_id")),
    Column("code", |item| Column::text(item, "/code")),
    Column("status", |item| Column::text(item, "/status")),
    Column("method", |item| Column::text(item, "/method")),
    Column("path", |item| Column::text(item, "/path")),
    Column("address", |item| Column::text(item, "/address")),
    Column("colo", |item| Column::text(item, "/colo")),
    Column("request_id", |item| Column::text(item, "/request_id")),
];
