use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::view::{KeyView, changed_key};
use crate::app::App;
use crate::domain::{KeyId, Revocation, RevocationReason, text};
use crate::http::body::OptionalJsonBody;
use crate::http::caller::Caller;
use crate::http::params::{Params, PathId};
use crate::http::precondition::IfMatch;
use crate::http::problem::Failure;
use crate::http::shapes;

/// Why a key is revoked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RevokeInput {
    /// Default `unspecified`.
    #[schema(value_type = Option<shapes::Reason>)]
    reason: Option<String>,
    /// More about why, kept with the key: at most 1,000 characters.
    #[schema(value_type = Option<shapes::Description>)]
    note: Option<String>,
}

/// Revoke a key.
///
/// It can be restored for `retention_days` of the keyspace, unless it leaked. Revoking it again changes nothing. Reason and note may
/// stand in the body or in the query.
#[utoipa::path(
    delete,
    path = "/v1/keys/{key_id}",
    tag = "keys",
    params(
        ("key_id" = String, Path),
        ("reason" = inline(Option<shapes::Reason>), Query, description = "as in the body"),
        ("note" = inline(Option<shapes::Description>), Query, description = "as in the body"),
        ("If-Match" = Option<String>, Header, description = "the key's ETag")
    ),
    request_body(content = Option<RevokeInput>),
    responses((status = 200, description = "The key, revoked.", body = KeyView))
)]
pub(in crate::http) async fn revoke_key(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    IfMatch(expected): IfMatch,
    mut params: Params,
    OptionalJsonBody(mut body): OptionalJsonBody,
) -> Result<Response, Failure> {
    let reason = params.take("reason", RevocationReason::parse);
    let note = params.take("note", |note| text::description(note.to_owned()));
    params.finish()?;
    let (reason_in_body, note_in_body) = (body.text("reason").flatten(), body.text("note").flatten());
    let mut errors = body.finish();
    let reason_in_body =
        reason_in_body.and_then(|reason| errors.check("/reason", RevocationReason::parse(&reason)));
    let note_in_body = note_in_body.and_then(|note| errors.check("/note", text::description(note)));
    errors.into_result()?;
    let now = app.now();
    let reason = reason_in_body.or(reason).unwrap_or_default();
    let revocation = Revocation { at: now, reason, note: note_in_body.or(note) };
    let revoked = app.store.revoke_key(&caller.actor(), id, expected, revocation).await?;
    Ok(changed_key(revoked, now))
}
