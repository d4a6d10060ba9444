use clap::Args;
use serde_json::{Map, Value};

use super::path;
use crate::cli::api::Session;
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::keyspaces::set;

#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// key_…
    key: String,
    /// The request's path, with the query if there is one.
    #[arg(long)]
    path: String,
    /// The request's method; GET unless given.
    #[arg(long)]
    method: Option<String>,
    /// The client's address.
    #[arg(long)]
    address: Option<String>,
    /// A header such as 'x-network: Mainnet'; repeat for several.
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Which of the key's tokens, sec_…; the newest unless given.
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
}

pub(super) async fn explain(session: &Session, args: ExplainArgs) -> Result<(), Failure> {
    let mut body = Map::new();
    set(&mut body, "path", Some(args.path));
    set(&mut body, "method", args.method);
    set(&mut body, "address", args.address);
    set(&mut body, "secret_id", args.secret);
    let mut headers = Map::new();
    for header in &args.header {
        let (name, value) = header.split_once(':').ok_or_else(|| {
            Failure::usage("--header must be a name and a value, such as 'x-network: Mainnet'")
        })?;
        headers.insert(name.trim().to_owned(), Value::from(value.trim()));
    }
    set(&mut body, "headers", (!headers.is_empty()).then_some(headers));
    session.show(Call::post(path(&args.key)? + ":explain", body)).await
}
