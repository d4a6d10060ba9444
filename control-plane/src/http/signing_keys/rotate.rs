use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::{HeadKeysView, make};
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::domain::head_key::OVERLAP_DAYS;
use crate::http::body::OptionalJsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

const DEFAULT_OVERLAP_DAYS: u64 = 7;

/// How a signing key is rotated.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RotateHeadKeyInput {
    /// For how long both keys sign, 1 to 365; default 7. By then every gate has to trust the new one.
    #[schema(example = 14, minimum = 1, maximum = 365)]
    overlap_days: Option<u64>,
}

/// Begin to replace the key that signs a keyspace's heads.
///
/// Heads are signed by both keys from now on, so that a gate that trusts either takes them. Give gates both `trusted_keys`, then complete the
/// rotation. The old key ends by itself with the overlap: a gate that trusts no other then refuses what is published, goes on from
/// what it has until that is too old, and denies.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/signing-keys:rotate",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body(content = Option<RotateHeadKeyInput>),
    responses(
        (status = 200, description = "The keys after the change.", body = HeadKeysView),
        (status = 409, description = "One is taking over already: `ROTATION_UNDER_WAY`. Or `IDEMPOTENCY_IN_FLIGHT`."),
    )
)]
pub(in crate::http) async fn rotate_head_key(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    OptionalJsonBody(mut body): OptionalJsonBody,
) -> Result<Response, Failure> {
    let days = body.number("overlap_days").flatten().unwrap_or(DEFAULT_OVERLAP_DAYS);
    let mut errors = body.finish();
    if !OVERLAP_DAYS.contains(&days) {
        errors.add("/overlap_days", format!("must be {} to {}", OVERLAP_DAYS.start(), OVERLAP_DAYS.end()));
    }
    errors.into_result()?;
    let now = app.now();
    let overlap_ends = now.plus_days(i64::try_from(days).unwrap_or(0));
    let key = make(&app, keyspace)?;
    let done = app.store.rotate_head_key(&caller.actor(), keyspace, key, overlap_ends, now).await?;
    Ok(reply::changed(done.change_seq, HeadKeysView::of(&done.value, now)))
}
