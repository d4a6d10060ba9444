//! `latchkey keys`.

mod credits;
mod explain;
mod fields;
mod import;
mod ip_rules;
mod leak;
mod list;
mod progress;
mod restrictions;
mod signing_keys;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use self::fields::Fields;
use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::keyspaces::{self, set};
use super::{input, output, requests};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key. Its token goes to standard output, once; everything else to standard error.
    Create {
        /// ks_…
        keyspace: String,
        /// test (default) or live.
        #[arg(long)]
        environment: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// How much it may use, such as requests=1000; repeat for several units. Without, as much as it likes.
        #[arg(long, value_name = "UNIT=AMOUNT")]
        credits: Vec<String>,
        /// Make it without letting it work yet.
        #[arg(long)]
        disabled: bool,
        /// Its name in another system; unique in the keyspace.
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// Read the token from standard input instead of drawing one.
        #[arg(long)]
        token_stdin: bool,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List the keys of a keyspace, newest first.
    List(list::ListArgs),
    /// Show a key.
    Get {
        /// key_…, or `-` to read its token from standard input.
        key: String,
    },
    /// Find the key of a token, which is read from standard input.
    Lookup,
    /// Change a key; what is not given stays as it is.
    Update {
        /// key_…, or `-` to read its token from standard input.
        key: String,
        #[command(flatten)]
        fields: Fields,
        /// Let it work.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Keep it from working.
        #[arg(long)]
        disable: bool,
        /// Put a field back to its default.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
        /// Only if it is still as it was at this change_seq.
        #[arg(long, value_name = "CHANGE_SEQ")]
        if_match: Option<u64>,
    },
    /// Give a key a new token, which goes to standard output, once. The old one works on for a while.
    Rotate {
        /// key_…
        key: String,
        /// How long the old token works, such as 24h, 7d or 0s; 24 hours unless given.
        #[arg(long, value_name = "SPAN", conflicts_with = "old_expires")]
        grace: Option<String>,
        /// When the old token stops, instead of --grace.
        #[arg(long, value_name = "WHEN")]
        old_expires: Option<String>,
        /// Read the new token from standard input instead of drawing one.
        #[arg(long)]
        token_stdin: bool,
        /// Only if it is still as it was at this change_seq.
        #[arg(long, value_name = "CHANGE_SEQ")]
        if_match: Option<u64>,
        /// Makes a repeat of this very call harmless for 24 hours.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// Move the moment at which the tokens that a rotation replaced stop working.
    Reschedule {
        /// key_…
        key: String,
        /// How long they still work from now on, such as 24h, 7d or 0s.
        #[arg(
            long,
            value_name = "SPAN",
            conflicts_with = "old_expires",
            required_unless_present = "old_expires"
        )]
        grace: Option<String>,
        /// When they stop, instead of --grace.
        #[arg(long, value_name = "WHEN")]
        old_expires: Option<String>,
        /// Only if it is still as it was at this change_seq.
        #[arg(long, value_name = "CHANGE_SEQ")]
        if_match: Option<u64>,
    },
    /// Revoke a key: nobody gets in with any of its tokens.
    Revoke {
        /// key_…
        key: String,
        /// unspecified, admin, leaked or holder. A leaked key cannot be restored.
        #[arg(long)]
        reason: Option<String>,
        /// More about why.
        #[arg(long)]
        note: Option<String>,
        /// Only if it is still as it was at this change_seq.
        #[arg(long, value_name = "CHANGE_SEQ")]
        if_match: Option<u64>,
    },
    /// Take a revocation back, within the retention time and unless the key leaked.
    Restore {
        /// key_…
        key: String,
    },
    /// Show what a key may do, and which role or key each grant comes from.
    Permissions {
        /// key_…
        key: String,
    },
    /// Decide about a token, read from standard input, as a gate would.
    Verify {
        /// The request's method.
        #[arg(long)]
        method: Option<String>,
        /// The request's path.
        #[arg(long)]
        path: Option<String>,
        /// The client's address, for keys with address rules.
        #[arg(long, value_name = "IP")]
        address: Option<String>,
    },
    /// Show how much a key was used, by hour and outcome.
    Usage {
        /// key_…
        key: String,
        /// From the hour of a time, or as long ago as a span such as 2d; else the last 24 hours.
        #[arg(long, value_name = "WHEN")]
        from: Option<String>,
        /// Up to the hour of a time; else now.
        #[arg(long, value_name = "WHEN")]
        to: Option<String>,
    },
    /// Explain what gates would decide about a request of a key, check by check.
    Explain(explain::ExplainArgs),
    /// From which addresses a key may be used.
    #[command(subcommand)]
    IpRules(ip_rules::Command),
    /// Give a key credits, or take some.
    Credits(credits::CreditsArgs),
    /// Pairs that may sign a key's requests.
    #[command(subcommand)]
    SigningKeys(signing_keys::Command),
    /// Take in keys by the SHA-256 of their tokens, one JSON object a line.
    Import {
        /// ks_…
        keyspace: String,
        /// Lines such as {"external_id":"17","digest":"<SHA-256 in hex or base64>","owner":"acme"}.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Report tokens that were found where they do not belong. What happens follows the keyspace's leak policy.
    RevokeLeaked {
        /// One token a line, or one JSON object with token, source and url a line.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    let session = group.api.session()?;
    match group.command {
        Command::Create {
            keyspace,
            environment,
            fields,
            credits,
            disabled,
            external_id,
            token_stdin,
            idempotency_key,
        } => {
            let path = keyspaces::path(&keyspace)? + "/keys";
            let mut body = fields.into_body(&session)?;
            set(&mut body, "environment", environment);
            set(&mut body, "credits", restrictions::amounts(&credits, "--credits")?);
            set(&mut body, "enabled", disabled.then_some(false));
            set(&mut body, "external_id", external_id);
            add_token(&session, &mut body, token_stdin)?;
            session.show_with_secret(Call::post(path, body).idempotency_key(idempotency_key)).await
        }
        Command::List(args) => list::list(&session, args).await,
        Command::Get { key } if key == "-" => lookup(&session).await,
        Command::Get { key } => session.show(Call::get(path(&key)?)).await,
        Command::Lookup => lookup(&session).await,
        Command::Update { key, fields, enable, disable, unset, if_match } => {
            let mut changes = fields.into_body(&session)?;
            set(&mut changes, "enabled", (enable || disable).then_some(enable));
            changes.extend(unset.into_iter().map(|field| (field, Value::Null)));
            session.show(update(&session, &key, changes)?.if_match(if_match)).await
        }
        Command::Rotate { key, grace, old_expires, token_stdin, if_match, idempotency_key } => {
            let mut body = switch_over(grace, old_expires)?;
            add_token(&session, &mut body, token_stdin)?;
            let call = Call::post(path(&key)? + ":rotate", body).if_match(if_match);
            session.show_with_secret(call.idempotency_key(idempotency_key)).await
        }
        Command::Reschedule { key, grace, old_expires, if_match } => {
            let body = switch_over(grace, old_expires)?;
            session.show(Call::post(path(&key)? + ":reschedule", body).if_match(if_match)).await
        }
        Command::Revoke { key, reason, note, if_match } => {
            let mut body = Map::new();
            set(&mut body, "reason", reason);
            set(&mut body, "note", note);
            session.show(Call::delete(path(&key)?).with_body(body).if_match(if_match)).await
        }
        Command::Restore { key } => session.show(Call::post(path(&key)? + ":restore", Map::new())).await,
        Command::Permissions { key } => session.show(Call::get(path(&key)? + "/permissions")).await,
        Command::Verify { method, path, address } => verify(&session, method, path, address).await,
        Command::Usage { key, from, to } => {
            session.show(requests::spanned(Call::get(path(&key)? + "/usage"), from, to)?).await
        }
        Command::Explain(args) => explain::explain(&session, args).await,
        Command::IpRules(command) => ip_rules::run(&session, command).await,
        Command::Credits(args) => credits::change(&session, args).await,
        Command::SigningKeys(command) => signing_keys::run(&session, command).await,
        Command::Import { keyspace, file } => import::import(&session, &keyspace, &file).await,
        Command::RevokeLeaked { file } => leak::report(&session, &file).await,
    }
}

fn path(key: &str) -> Result<String, Failure> {
    Ok(format!("/v1/keys/{}", input::id("key", "key", key)?))
}

async fn lookup(session: &Session) -> Result<(), Failure> {
    let mut body = Map::new();
    add_token(session, &mut body, true)?;
    session.show(Call::post("/v1/keys:lookup", body)).await
}

fn update(session: &Session, key: &str, changes: Map<String, Value>) -> Result<Call, Failure> {
    if key != "-" {
        return Ok(Call::patch(path(key)?, changes));
    }
    let mut body = Map::new();
    body.insert("changes".to_owned(), changes.into());
    add_token(session, &mut body, true)?;
    Ok(Call::post("/v1/keys:update", body))
}

fn add_token(session: &Session, body: &mut Map<String, Value>, from_stdin: bool) -> Result<(), Failure> {
    if from_stdin {
        body.insert("token".to_owned(), session.token()?.expose().into());
    }
    Ok(())
}

fn switch_over(grace: Option<String>, old_expires: Option<String>) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    if let Some(grace) = grace {
        let seconds = input::seconds(&grace)
            .ok_or_else(|| Failure::usage("--grace must be a span such as 24h, 7d or 0s"))?;
        body.insert("grace_seconds".to_owned(), seconds.into());
    }
    if let Some(when) = old_expires {
        let at = input::moment(&when)?;
        let at = at.ok_or_else(|| {
            Failure::usage("--old-expires must be a time: an old token that never stops replaces nothing")
        })?;
        body.insert("old_expires_at".to_owned(), at.into());
    }
    Ok(body)
}

/// Exits with 1 if the token would be denied, so that scripts can ask.
async fn verify(
    session: &Session,
    method: Option<String>,
    path: Option<String>,
    address: Option<String>,
) -> Result<(), Failure> {
    let mut body = Map::new();
    set(&mut body, "method", method);
    set(&mut body, "path", path);
    set(&mut body, "address", address);
    add_token(session, &mut body, true)?;
    let reply = session.client.send(Call::post("/v1/keys:verify", body)).await?;
    output::print(&output::object(&reply.text, session.format)?)?;
    if reply.json()?["allowed"] == json!(true) { Ok(()) } else { Err(Failure::Reported) }
}
