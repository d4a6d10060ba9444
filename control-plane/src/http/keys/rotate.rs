use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::token::TokenSource;
use super::view::{KeyView, KeyWithSecretView};
use crate::app::App;
use crate::domain::{ChosenToken, FieldErrors, KeyId, Secret, Timestamp};
use crate::http::body::OptionalJsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathIdBeforeVerb;
use crate::http::precondition::{IfMatch, tagged};
use crate::http::problem::Failure;
use crate::http::{reply, shapes};

const DEFAULT_GRACE_SECONDS: u64 = 86_400;
/// 30 days. A later end can be set as a time.
const MAX_GRACE_SECONDS: u64 = 2_592_000;

/// How a key's token is replaced. Every field is optional.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RotateInput {
    /// For how long the tokens that the key has still work, 0 to 2,592,000; default 86,400.
    #[schema(example = 3600, maximum = 2592000)]
    grace_seconds: Option<u64>,
    /// When they stop, instead of `grace_seconds`: a switch-over planned for that moment.
    #[schema(example = json!(null), format = DateTime)]
    old_expires_at: Option<String>,
    /// A token of your own making, see the creation of keys. The answer does not repeat it.
    #[schema(value_type = Option<shapes::ChosenToken>, example = json!(null))]
    token: Option<String>,
}

/// Replace the token of a key.
///
/// The key keeps its id, settings and history. Its new token works at once; those that it has work until the end of the grace time, or
/// until `old_expires_at`: that is the moment of a switch-over that is planned ahead. The new token is drawn and shown now, whenever that
/// is, because later nobody would be there to take it. A key has at most 8 tokens that work.
#[utoipa::path(
    post,
    path = "/v1/keys/{key_id}:rotate",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    request_body(content = Option<RotateInput>),
    responses(
        (status = 200, description = "The key with its new token, shown this once.", body = KeyWithSecretView<'_>),
        (status = 409, description = "`KEY_REVOKED`, `TOO_MANY_SECRETS`, `TOKEN_ALREADY_USED` or `IDEMPOTENCY_IN_FLIGHT`."),
    )
)]
pub(in crate::http) async fn rotate_key(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<KeyId>,
    IfMatch(expected): IfMatch,
    OptionalJsonBody(mut body): OptionalJsonBody,
) -> Result<Response, Failure> {
    let now = app.now();
    let chosen = body.text("token").flatten().map(ChosenToken::new);
    let (grace, end) = (body.number("grace_seconds").flatten(), body.text("old_expires_at").flatten());
    let mut errors = body.finish();
    let old_expires_at = check_end(grace, end, now, &mut errors);
    let key = app.store.key(caller.workspace(), id).await?;
    let keyspace = app.store.keyspace(caller.workspace(), key.keyspace_id).await?;
    let source = TokenSource { keyspace: &keyspace, environment: key.environment };
    let token = source.token(chosen, &mut errors);
    errors.into_result()?;
    let token = token.ok_or(Failure::Internal)?;
    let new = Secret {
        id: app.next_id(),
        digest: token.digest(),
        start: token.start().to_owned(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    let done = app.store.rotate_key(&caller.actor(), id, expected, new, old_expires_at).await?;
    let view = KeyWithSecretView { key: KeyView::of(done.value, now), secret: token.shown() };
    Ok(tagged(done.change_seq, reply::changed(done.change_seq, view)))
}

/// When the tokens that are replaced stop: at `end`, or after `grace` seconds, of which there is a default.
pub(super) fn check_end(
    grace: Option<u64>,
    end: Option<String>,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Timestamp {
    match (grace, end) {
        (Some(_), Some(_)) => errors.add("/old_expires_at", "must not stand beside grace_seconds"),
        (None, Some(end)) => match errors.check("/old_expires_at", Timestamp::parse(&end)) {
            Some(end) if end < now => errors.add("/old_expires_at", "must not lie in the past"),
            Some(end) => return end,
            None => {}
        },
        (grace, None) => {
            let seconds = grace.unwrap_or(DEFAULT_GRACE_SECONDS);
            if seconds <= MAX_GRACE_SECONDS {
                return Timestamp(now.0.saturating_add(seconds as i64 * 1_000));
            }
            errors.add("/grace_seconds", format!("must be 0 to {MAX_GRACE_SECONDS}"));
        }
    }
    now
}
