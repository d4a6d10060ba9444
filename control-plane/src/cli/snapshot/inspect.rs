use std::path::Path;

use latchkey_snapshot::{
    DefaultAccess, HashedBody, Head, Refusal, UnverifiedHead, VerifiedPolicy, VerifiedSegment, limits,
};
use serde::Serialize;

use super::file::SnapshotFile;
use super::view::{self, BodyView, HeadView};
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::output::{self, Format};

#[derive(Serialize)]
struct InspectionView {
    kind: &'static str,
    verified: bool,
    #[serde(flatten)]
    head: HeadView,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bodies: Vec<BodyView>,
}

/// Shows every field of a head, and what the bodies beside it hold, believing all of it.
pub(super) fn inspect(path: &Path, format: Format) -> Result<(), Failure> {
    let bytes = input::read(path, limits::BUNDLE_BYTES as u64)?;
    let refused =
        |refusal: Refusal| Failure::failed(format!("this is neither a head nor a bundle: {refusal}"));
    let file = SnapshotFile::parse(&bytes).map_err(refused)?;
    let head = UnverifiedHead::parse(file.head).map_err(refused)?;
    let fields = head.unverified_fields();
    let bodies = file.bodies.iter().map(|body| {
        let body = HashedBody::compute(body.to_vec());
        let content = content(fields, &body).unwrap_or_else(|refusal| format!("refused: {refusal}"));
        BodyView::of(&body, content)
    });
    let shown = InspectionView {
        kind: view::kind(&file),
        verified: false,
        head: HeadView::of(fields, head.unverified_signers(), file.head),
        bodies: bodies.collect(),
    };
    let text = serde_json::to_string(&shown).map_err(anyhow::Error::from)?;
    output::print(&output::object(&text, format)?)
}

/// What a body holds, in a few words.
fn content(head: &Head, body: &HashedBody) -> Result<String, Refusal> {
    let object = body.object();
    if object == head.policy {
        let verified = VerifiedPolicy::verify(&object, body.clone(), head.audience.keyspace)?;
        let policy = verified.policy();
        let default = if policy.default == DefaultAccess::Deny { "deny" } else { "allow" };
        return Ok(format!(
            "{} routes, {} roles, default {default}",
            policy.routes.len(),
            policy.roles.len()
        ));
    }
    if head.segments.iter().any(|segment| segment.object == object) {
        let segment = VerifiedSegment::verify(&object, body.clone(), head.audience.keyspace)?;
        let kill = if segment.has_keyspace_kill() { ", the whole keyspace revoked" } else { "" };
        return Ok(format!(
            "{} rows, {} revoked, {} owners revoked{kill}",
            segment.upsert_count(),
            segment.revokes().count(),
            segment.owner_kills().count()
        ));
    }
    Ok(if object == head.base.root { "root of the base" } else { "part of the base" }.to_owned())
}
