use clap::{Args, Subcommand};
use latchkey_token::{ForeignToken, ParseError, UnverifiedToken};
use serde::Serialize;

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

/// What may be said of a token without giving it away.
#[derive(Default, Serialize)]
struct TokenView {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
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
    let shown = serde_json::to_string(&shown).map_err(anyhow::Error::from)?;
    output::print(&output::object(&shown, args.output)?)?;
    match parsed {
        Err(ParseError::Checksum) => Err(Failure::Reported),
        Err(_) if ForeignToken::parse(text).is_err() => Err(Failure::Reported),
        _ => Ok(()),
    }
}

fn of_latchkey(token: &UnverifiedToken<'_>) -> TokenView {
    TokenView {
        kind: "Latchkey token",
        checksum: Some("right"),
        prefix: Some(token.prefix().as_str().to_owned()),
        environment: Some(token.environment().as_str()),
        start: Some(token.start().to_owned()),
        digest_start: Some(hex::encode(&token.digest().0[..SHOWN_DIGEST])),
        ..TokenView::default()
    }
}

fn of_others(token: &ForeignToken<'_>) -> TokenView {
    TokenView {
        kind: "foreign token: taken only by keyspaces that allow foreign tokens",
        length: Some(token.as_bytes().len()),
        digest_start: Some(hex::encode(&token.digest().0[..SHOWN_DIGEST])),
        ..TokenView::default()
    }
}

fn wrong(error: ParseError, kind: &'static str) -> TokenView {
    TokenView {
        kind,
        checksum: (error == ParseError::Checksum).then_some("wrong"),
        problem: Some(error.name()),
        meaning: Some(error.to_string()),
        ..TokenView::default()
    }
}
