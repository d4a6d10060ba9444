use clap::{Args, Subcommand};
use latchkey_token::{ForeignToken, ParseError, UnverifiedToken};
use serde_json::{Value, json};

use super::exit::Failure;
use super::input;
use super::output::{self, Format};

/// Bytes of the digest that are shown: enough to compare, too few to guess a weak token by.
const SHOWN_DIGEST: usize = 4;

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: Command,
    /// A table for people, or JSON.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take a token apart that is read from standard input, and check its checksum. Whether it was ever issued, only a server or a
    /// gate knows. Its secret part is not shown.
    Check,
}

pub(super) fn run(args: TokenArgs) -> Result<(), Failure> {
    let Command::Check = args.command;
    let secret = input::secret_from_stdin("the token")?;
    let text = secret.expose().as_bytes();
    let parsed = latchkey_token::parse(text);
    let shown = match (&parsed, ForeignToken::parse(text)) {
        (Ok(token), _) => of_latchkey(token),
        // A typing mistake in one of ours is likelier than a token of somebody else that begins like ours.
        (Err(error @ ParseError::Checksum), _) => {
            wrong(*error, "a Latchkey token with a wrong or missing character")
        }
        (Err(_), Ok(foreign)) => of_others(&foreign),
        (Err(error), Err(_)) => wrong(*error, "no token"),
    };
    output::print(&output::object(&shown.to_string(), args.output)?)?;
    match parsed {
        Err(ParseError::Checksum) => Err(Failure::Reported),
        Err(_) if ForeignToken::parse(text).is_err() => Err(Failure::Reported),
        _ => Ok(()),
    }
}

fn of_latchkey(token: &UnverifiedToken<'_>) -> Value {
    json!({
        "kind": "Latchkey token",
        "checksum": "right",
        "prefix": token.prefix().as_str(),
        "environment": token.environment().as_str(),
        "start": token.start(),
        "digest_start": hex::encode(&token.digest().0[..SHOWN_DIGEST]),
    })
}

fn of_others(token: &ForeignToken<'_>) -> Value {
    json!({
        "kind": "foreign token: taken only by keyspaces that allow foreign tokens",
        "length": token.as_bytes().len(),
        "digest_start": hex::encode(&token.digest().0[..SHOWN_DIGEST]),
    })
}

fn wrong(error: ParseError, kind: &str) -> Value {
    let checksum = if error == ParseError::Checksum { json!("wrong") } else { Value::Null };
    json!({ "kind": kind, "checksum": checksum, "problem": error.name(), "meaning": error.to_string() })
}
