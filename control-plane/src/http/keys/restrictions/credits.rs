use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::fields::amount;
use super::schema::DeltaInput;
use crate::app::App;
use crate::domain::restrictions::Delta;
use crate::domain::{KeyId, RestrictionChange, text};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::keys::view::{KeyView, changed_key};
use crate::http::params::PathIdBeforeVerb;
use crate::http::precondition::IfMatch;
use crate::http::problem::Failure;

/// More or less of what a key may use.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct CreditChangeInput {
    /// All of them or none.
    #[schema(min_items = 1, max_items = 16)]
    deltas: Vec<DeltaInput>,
    /// Why, for the audit log.
    #[schema(example = "invoice 4711", max_length = 1_000)]
    note: Option<String>,
}

/// Give a key credits, or take some.
///
/// What gates have reported as used cannot be taken back. A key that could use as much as it liked is bounded from then on; if it was
/// bounded before, it goes on with what it had left.
#[utoipa::path(
    post,
    path = "/v1/keys/{key_id}:credits",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    request_body = CreditChangeInput,
    responses(
        (status = 200, description = "The key after the change.", body = KeyView),
        (status = 409, description = "`CREDITS_BELOW_ZERO`, `KEY_REVOKED` or `IDEMPOTENCY_IN_FLIGHT`."),
    )
)]
pub(in crate::http) async fn change_credits(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<KeyId>,
    IfMatch(expected): IfMatch,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let (deltas, note) = (body.nested_list("deltas", amount).flatten(), body.text("note").flatten());
    let mut errors = body.finish();
    let deltas = errors.required("/deltas", deltas).unwrap_or_default();
    if deltas.is_empty() && errors.is_empty() {
        errors.add("/deltas", "must have at least one entry");
    }
    let deltas = Delta::check_all(deltas, "/deltas", &mut errors);
    let note = note.and_then(|note| errors.check("/note", text::description(note)));
    errors.into_result()?;
    let (change, now) = (RestrictionChange::Credits { deltas, note }, app.now());
    let changed = app.store.change_restrictions(&caller.actor(), id, expected, change, now).await?;
    Ok(changed_key(changed, now))
}
