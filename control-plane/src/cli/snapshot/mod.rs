//! `latchkey snapshot`.

mod file;
mod inspect;
mod verify;
mod view;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::api::{Group, Session};
use super::client::Call;
use super::exit::Failure;
use super::keyspaces;
use super::output::{Column, PageArgs, list};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what the server published last, and the keys that gates must trust.
    Get {
        /// ks_…
        keyspace: String,
    },
    /// List what was published, newest first. What was only signed anew is counted with what it repeats.
    List {
        /// ks_…
        keyspace: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Write what was published last as one bundle: for `verify`, and for the key preview.
    Export {
        /// ks_…
        keyspace: String,
        /// Where to; `-` is standard output.
        #[arg(long, value_name = "FILE|-", default_value = "-")]
        out: PathBuf,
        /// Write FILE.2, FILE.3 and so on too, if one bundle is too small.
        #[arg(long, requires = "out")]
        parts: bool,
    },
    /// Publish a base that is held back because it has far fewer or far more keys than gates know.
    Override {
        /// ks_…
        keyspace: String,
        /// Why; kept in the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Publish everything again, after gates had refused what was published.
    Resume {
        /// ks_…
        keyspace: String,
        /// Why; kept in the audit log.
        #[arg(long)]
        reason: String,
    },
    /// Take a head or a bundle apart. Nothing in it is verified: see `verify`.
    Inspect {
        /// The bytes, as they were pushed to a gate.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Check a head or a bundle as a gate would, without a server.
    Verify(verify::VerifyArgs),
}

pub(super) async fn run(group: Group<Command>) -> Result<(), Failure> {
    match group.command {
        Command::Get { keyspace } => {
            let path = keyspaces::path(&keyspace)? + "/snapshot";
            group.api.session()?.show(Call::get(path)).await
        }
        Command::List { keyspace, page } => {
            let session = group.api.session()?;
            list(&session, Call::get(keyspaces::path(&keyspace)? + "/snapshots"), page, COLUMNS).await
        }
        Command::Export { keyspace, out, parts } => {
            let call = Call::get(keyspaces::path(&keyspace)? + "/snapshot:export");
            let session = group.api.session()?;
            if parts { export_parts(&session, call, &out).await } else { export(&session, call, &out).await }
        }
        Command::Override { keyspace, reason } => {
            let call =
                Call::post(keyspaces::path(&keyspace)? + "/snapshot:override", keyspaces::because(reason));
            group.api.session()?.perform(call, "it will be published").await
        }
        Command::Resume { keyspace, reason } => {
            let call =
                Call::post(keyspaces::path(&keyspace)? + "/snapshot:resume", keyspaces::because(reason));
            group.api.session()?.perform(call, "everything is published again").await
        }
        Command::Inspect { file } => inspect::inspect(&file, group.api.output),
        Command::Verify(args) => verify::verify(args, group.api.output),
    }
}

const COLUMNS: &[Column] = &[
    Column("created_at", |item| Column::text(item, "/created_at")),
    Column("kind", |item| Column::text(item, "/kind")),
    Column("seq", |item| Column::text(item, "/seq")),
    Column("last_seq", |item| Column::text(item, "/last_seq")),
    Column("epoch", |item| Column::text(item, "/epoch")),
    Column("change_seq", |item| Column::text(item, "/change_seq")),
    Column("rows", |item| Column::text(item, "/rows")),
    Column("segments", |item| Column::text(item, "/segments")),
    Column("bytes", |item| Column::text(item, "/bytes")),
    Column("signers", |item| Column::text(item, "/signers")),
    Column("overridden", |item| Column::text(item, "/overridden")),
];

async fn export(session: &Session, call: Call, out: &Path) -> Result<(), Failure> {
    let to_stdout = out == Path::new("-");
    if to_stdout && std::io::stdout().is_terminal() {
        return Err(Failure::usage("a bundle is no text: name a file with --out"));
    }
    let (bundle, _) = session.client.part(call).await?;
    if !to_stdout {
        return write(out, &bundle);
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&bundle)?;
    Ok(stdout.flush()?)
}

async fn export_parts(session: &Session, call: Call, out: &Path) -> Result<(), Failure> {
    if out == Path::new("-") {
        return Err(Failure::usage("parts are files of their own: name the first with --out"));
    }
    let (bundle, mut next) = session.client.part(call.clone().query("parts", Some(true))).await?;
    write(out, &bundle)?;
    let mut number = 1;
    while let Some(part) = next {
        number += 1;
        let bundle;
        (bundle, next) = session.client.part(call.clone().query("part", Some(part))).await?;
        let mut name = out.as_os_str().to_owned();
        name.push(format!(".{number}"));
        write(Path::new(&name), &bundle)?;
    }
    Ok(())
}

fn write(file: &Path, bundle: &[u8]) -> Result<(), Failure> {
    std::fs::write(file, bundle)
        .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", file.display())))
}
