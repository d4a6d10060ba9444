use std::path::PathBuf;

use clap::Args;
use latchkey_snapshot::bundle::Reach;
use latchkey_snapshot::{
    Audience, HashedBody, Loader, Refusal, Trust, TrustedKey, UnverifiedHead, VerifiedHead, limits,
};
use serde::Serialize;

use super::file::SnapshotFile;
use super::view::{self, HeadView};
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::output::{self, Format};
use crate::domain::{Clock, SystemClock, Timestamp};

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The bytes, as they were pushed to a gate.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Whom it must be for: the keyspace and which of its keys the gate serves, such as ks_06nd5xbm0q3tz/any.
    #[arg(long)]
    audience: String,
    /// A key that is trusted to sign, as `snapshot get` lists them: ed25519:…; repeat for several.
    #[arg(long, value_name = "KEY", required = true, value_delimiter = ',')]
    trusted_key: Vec<String>,
    /// When it must hold, in RFC 3339; now unless given.
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
}

#[derive(Serialize)]
struct VerdictView {
    kind: &'static str,
    verified: bool,
    /// Past `fresh_until`: a gate would decide, and report itself stale.
    stale: bool,
    signed_by: Vec<String>,
    bodies_verified: usize,
    /// Bodies that the gate must have already.
    bodies_elsewhere: usize,
    #[serde(flatten)]
    head: HeadView,
}

struct Trusted {
    audience: Audience,
    keys: Vec<(String, TrustedKey)>,
    now: u64,
}

impl VerifyArgs {
    fn trusted(&self) -> Result<Trusted, Failure> {
        let audience = self.audience.parse().map_err(|_| {
            Failure::usage(
                "--audience must be a keyspace and any, test or live, such as ks_06nd5xbm0q3tz/any",
            )
        })?;
        let mut keys = Vec::new();
        for text in &self.trusted_key {
            let key = text.trim().parse().map_err(|_| {
                Failure::usage(
                    "--trusted-key must be `ed25519:` and 43 characters, as `latchkey snapshot get` shows it",
                )
            })?;
            keys.push((text.trim().to_owned(), key));
        }
        let now = match &self.now {
            Some(text) => Timestamp::parse(text).map_err(|error| Failure::usage(format!("--now {error}")))?,
            None => SystemClock.now(),
        };
        Ok(Trusted { audience, keys, now: now.as_seconds() })
    }
}

/// Checks a file by the code that gates run. Ends with 1 if a gate would refuse it.
pub(super) fn verify(args: VerifyArgs, format: Format) -> Result<(), Failure> {
    let trusted = args.trusted()?;
    let bytes = input::read(&args.file, limits::BUNDLE_BYTES as u64)?;
    let refused = |refusal: Refusal| Failure::failed(format!("refused: {refusal}"));
    let file = SnapshotFile::parse(&bytes).map_err(refused)?;
    let unverified = UnverifiedHead::parse(file.head).map_err(refused)?;
    let head = trusted.verify(&unverified).map_err(refused)?;
    let elsewhere = check_bodies(&head, &file)?;
    let shown = VerdictView {
        kind: view::kind(&file),
        verified: true,
        stale: trusted.now > head.head().fresh_until,
        signed_by: trusted.signers(&unverified),
        bodies_verified: file.bodies.len(),
        bodies_elsewhere: elsewhere,
        head: HeadView::of(head.head(), unverified.unverified_signers(), file.head),
    };
    let text = serde_json::to_string(&shown).map_err(anyhow::Error::from)?;
    output::print(&output::object(&text, format)?)
}

impl Trusted {
    fn verify(&self, head: &UnverifiedHead<'_>) -> Result<VerifiedHead, Refusal> {
        let keys = self.keys.iter().map(|(_, key)| key.clone()).collect();
        let head = head.clone().verify(&Trust::new(self.audience, keys), self.now)?;
        head.require_valid(self.now)?;
        Ok(head)
    }

    /// The trusted keys whose signatures are on the head.
    fn signers(&self, head: &UnverifiedHead<'_>) -> Vec<String> {
        let signed = |key: &TrustedKey| {
            head.clone().verify(&Trust::new(self.audience, vec![key.clone()]), self.now).is_ok()
        };
        self.keys.iter().filter(|(_, key)| signed(key)).map(|(text, _)| text.clone()).collect()
    }
}

/// Checks each body against what leads to it, and counts those that are not here.
fn check_bodies(head: &VerifiedHead, file: &SnapshotFile<'_>) -> Result<usize, Failure> {
    let refused =
        |at: usize, refusal: Refusal| Failure::failed(format!("refused: body {}: {refusal}", at + 1));
    let mut reach = Reach::of(head);
    let mut loader = Loader::new(head.clone(), None).map_err(|refusal| refused(0, refusal))?;
    for (at, bytes) in file.bodies.iter().enumerate() {
        let body = HashedBody::compute(bytes.to_vec());
        reach.accept(&body).map_err(|refusal| refused(at, refusal))?;
        loader.supply(body).map_err(|refusal| refused(at, refusal))?;
    }
    Ok(loader.missing(None).len())
}
