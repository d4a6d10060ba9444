//! What people and programs see. Results go to standard output, everything said about them to standard error.

mod details;
mod json;
mod list;
mod ordered;
mod table;

use std::io::Write;

use super::exit::Failure;

pub(super) use json::pretty;
pub(super) use list::{Column, PageArgs, list};
pub(super) use table::Table;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// The API's JSON.
    Json,
}

/// Writes a result.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Says something about the work in one line.
pub(super) fn remark(text: &str) {
    // There is nowhere left to complain.
    let _ = writeln!(std::io::stderr(), "latchkey: {text}");
}

/// Shows something about the work that has lines of its own.
pub(super) fn remark_block(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// An object of the API, as it came or as a list of its fields.
pub(super) fn object(text: &str, format: Format) -> Result<String, Failure> {
    match format {
        Format::Json => Ok(pretty(text)),
        Format::Table => Ok(details::render(&read(text)?)),
    }
}

/// As [`object`] for people, without one field.
pub(super) fn details_without(field: &str, text: &str) -> Result<String, Failure> {
    let mut object = read(text)?;
    object.0.retain(|(name, _)| name != field);
    Ok(details::render(&object))
}

fn read(text: &str) -> Result<ordered::Object, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::failed(format!("the server's answer is not a JSON object: {error}")))
}

/// Text from elsewhere without what a terminal would obey: owners and names are chosen by strangers.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        // Formatting characters can reverse the order in which a line is shown.
        let obeyed = letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if obeyed {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}
