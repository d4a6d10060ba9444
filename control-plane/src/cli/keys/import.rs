use std::io::Write;
use std::path::Path;

use serde::Deserialize;

use super::progress::Progress;
use crate::cli::api::Session;
use crate::cli::client::{Call, Upload};
use crate::cli::exit::Failure;
use crate::cli::{input, keyspaces, output};

/// A line of the answer: what became of one line of the input, or the sum at the end.
#[derive(Deserialize)]
struct ResultLine {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    created: u64,
    #[serde(default)]
    unchanged: u64,
    #[serde(default)]
    updated: u64,
    #[serde(default)]
    errors: serde_json::Value,
}

/// Streams the file to the server and the server's lines to standard output. Ends with 1 if any line failed.
pub(super) async fn import(session: &Session, keyspace: &str, file: &Path) -> Result<(), Failure> {
    session.claim_stdin_for(file)?;
    let path = keyspaces::path(keyspace)?;
    // A wrong key or keyspace is answered before anything is read, not in the middle of the upload.
    session.client.send(Call::get(path.as_str())).await?;
    let total = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
    let mut progress = Progress::new(total);
    let upload = Upload::of(input::open(file)?, progress.counter());
    let mut answer = session.client.upload(&(path + "/keys:import"), upload).await?;

    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut lines, mut failed, mut sum) = (0, 0, None);
    while let Some(line) = answer.next().await.inspect_err(|_| progress.clear())? {
        writeln!(out, "{line}")?;
        let result: ResultLine = serde_json::from_str(&line)
            .map_err(|error| Failure::failed(format!("the server's answer is not understood: {error}")))?;
        if result.done {
            sum = Some(result);
            continue;
        }
        lines += 1;
        failed += u64::from(result.outcome == "error");
        progress.draw(lines, failed);
    }
    out.flush()?;
    progress.clear();
    let Some(sum) = sum else {
        return Err(Failure::failed(format!(
            "the server stopped after {lines} lines; run it again, what is in already is recognised by its external_id"
        )));
    };
    let ResultLine { created, unchanged, updated, errors, .. } = sum;
    let errors = errors.as_u64().unwrap_or(failed);
    output::remark(&format!("{created} created, {updated} updated, {unchanged} unchanged, {errors} errors"));
    if errors > 0 { Err(Failure::Reported) } else { Ok(()) }
}
