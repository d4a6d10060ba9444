use clap::Args;

use crate::cli::api::Session;
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::keyspaces;
use crate::cli::output::{self, Column, PageArgs};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// ks_…
    keyspace: String,
    /// active, disabled, expired, revoked or all; otherwise all but revoked.
    #[arg(long)]
    status: Option<String>,
    /// test or live.
    #[arg(long)]
    environment: Option<String>,
    /// Only those of an owner.
    #[arg(long)]
    owner: Option<String>,
    /// Only those with a tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only those with this text in name, description, id or the start of a token.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let call = Call::get(keyspaces::path(&args.keyspace)? + "/keys")
        .query("status", args.status)
        .query("environment", args.environment)
        .query("owner", args.owner)
        .query("tag", args.tag)
        .query("search", args.search);
    output::list(session, call, args.page, COLUMNS).await
}

const COLUMNS: &[Column] = &[
    Column("id", |item| Column::text(item, "/id")),
    Column("name", |item| Column::text(item, "/name")),
    Column("owner", |item| Column::text(item, "/owner")),
    Column("status", |item| Column::text(item, "/status")),
    Column("expires", |item| item["expires_at"].as_str().unwrap_or("never").to_owned()),
    Column("start", |item| Column::text(item, "/secrets/0/start")),
    Column("roles", |item| Column::text(item, "/roles")),
    Column("permissions", |item| Column::text(item, "/permissions")),
];
