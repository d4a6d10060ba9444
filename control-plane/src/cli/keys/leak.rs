use std::path::Path;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cli::api::Session;
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::output::{self, Format, Table};

/// Tokens that the API takes at once.
const MOST: usize = 1_000;
const MOST_BYTES: u64 = 1 << 20;

/// Reports found tokens. The answer names them by their line, never by their text.
pub(super) async fn report(session: &Session, file: &Path) -> Result<(), Failure> {
    session.claim_stdin_for(file)?;
    let bytes = Zeroizing::new(input::read(file, MOST_BYTES)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::usage("the tokens must be text"))?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() || lines.len() > MOST {
        return Err(Failure::usage(format!(
            "1 to {MOST} tokens can be reported at once, one a line; there are {}",
            lines.len()
        )));
    }
    let mut found = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        found.push(entry(line).ok_or_else(|| {
            Failure::usage(format!("line {} is neither a token nor a JSON object", at + 1))
        })?);
    }
    let mut body = Map::new();
    body.insert("tokens".to_owned(), found.into());
    let reply = session.client.send(Call::post("/v1/keys:revoke-leaked", body)).await?;
    if session.format == Format::Json {
        return output::print(&output::pretty(&reply.text));
    }
    let answer = reply.json()?;
    let mut table = Table::new(["line", "outcome", "key"]);
    for result in answer["results"].as_array().into_iter().flatten() {
        let line = result["index"].as_u64().map_or_else(String::new, |index| (index + 1).to_string());
        let text = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
        table.push([line, text("outcome"), text("key_id")]);
    }
    output::print(&table.render())
}

fn entry(line: &str) -> Option<Value> {
    if line.starts_with('{') {
        return serde_json::from_str::<Value>(line).ok().filter(|entry| entry["token"].is_string());
    }
    Some(json!({ "token": line }))
}
