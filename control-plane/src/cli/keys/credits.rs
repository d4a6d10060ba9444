use clap::Args;
use serde_json::{Map, Value};

use super::path;
use super::restrictions::amounts;
use crate::cli::api::Session;
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::keyspaces::set;

#[derive(Debug, Args)]
pub(in crate::cli) struct CreditsArgs {
    /// key_…
    key: String,
    /// How much more, such as requests=1000; repeat for several units.
    #[arg(long, value_name = "UNIT=AMOUNT", required_unless_present = "take")]
    give: Vec<String>,
    /// How much less; what was used cannot be taken.
    #[arg(long, value_name = "UNIT=AMOUNT")]
    take: Vec<String>,
    /// Why, for the audit log.
    #[arg(long)]
    note: Option<String>,
    /// Makes a repeat of this very call harmless for 24 hours.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Only if the key is still as it was at this change_seq.
    #[arg(long, value_name = "CHANGE_SEQ")]
    if_match: Option<u64>,
}

pub(super) async fn change(session: &Session, args: CreditsArgs) -> Result<(), Failure> {
    let mut deltas = amounts(&args.give, "--give")?.unwrap_or_default();
    for mut taken in amounts(&args.take, "--take")?.unwrap_or_default() {
        let amount = taken["amount"].as_u64().and_then(|amount| i64::try_from(amount).ok());
        taken["amount"] = amount.map_or(Value::Null, |amount| (-amount).into());
        deltas.push(taken);
    }
    let mut body = Map::new();
    set(&mut body, "deltas", Some(deltas));
    set(&mut body, "note", args.note);
    let call = Call::post(path(&args.key)? + ":credits", body);
    session.show(call.idempotency_key(args.idempotency_key).if_match(args.if_match)).await
}
