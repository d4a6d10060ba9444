use std::path::Path;

use latchkey_snapshot::{
    DefaultAccess, HashedBody, Head, Policy, ProfileView, Refusal, Route, UnverifiedHead, VerifiedPolicy,
    VerifiedSegment, limits,
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
        let asked = asked_by_routes(policy);
        return Ok(format!(
            "{} routes, {} roles, default {default}{asked}",
            policy.routes.len(),
            policy.roles.len()
        ));
    }
    if head.segments.iter().any(|segment| segment.object == object) {
        let segment = VerifiedSegment::verify(&object, body.clone(), head.audience.keyspace)?;
        let kill = if segment.has_keyspace_kill() { ", the whole keyspace revoked" } else { "" };
        return Ok(format!(
            "{} rows, {} revoked, {} owners revoked{kill}{}",
            segment.upsert_count(),
            segment.revokes().count(),
            segment.owner_kills().count(),
            narrowing_of_rows(&segment)
        ));
    }
    Ok(if object == head.base.root { "root of the base" } else { "part of the base" }.to_owned())
}

/// What routes ask for beyond permissions, as far as any does.
fn asked_by_routes(policy: &Policy) -> String {
    let routes = |asks: fn(&Route) -> bool| policy.routes.iter().filter(|route| asks(route)).count();
    counted([
        ("routes with constraints", routes(|route| !route.constraints.is_empty())),
        ("with a cost", routes(|route| !route.cost.is_empty())),
        ("with a signature", routes(|route| route.signature.is_some())),
        ("with an upstream credential", routes(|route| route.upstream_credential.is_some())),
        ("sealed upstream credentials", policy.upstream_credentials.len()),
    ])
}

/// What narrows the keys of a segment, as far as any key is.
fn narrowing_of_rows(segment: &VerifiedSegment) -> String {
    let rows = |narrows: fn(&ProfileView<'_>) -> bool| {
        let profiles =
            (0..segment.upsert_count()).filter_map(|at| segment.upsert(at)).map(|row| row.profile());
        profiles.filter(narrows).count()
    };
    counted([
        ("rows with address rules", rows(|profile| profile.ip_ranges.is_some())),
        ("with constraints", rows(|profile| !profile.constraints.is_empty())),
        ("with rate limits", rows(|profile| !profile.rate_limits.is_empty())),
        ("with credits", rows(|profile| profile.credits.is_some())),
        ("with signing keys", rows(|profile| profile.signing_keys.is_some())),
    ])
}

fn counted<const N: usize>(counts: [(&str, usize); N]) -> String {
    let told = counts.iter().filter(|(_, count)| *count > 0);
    told.map(|(what, count)| format!(", {count} {what}")).collect()
}
