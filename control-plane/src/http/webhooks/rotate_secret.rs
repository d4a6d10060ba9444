use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use super::view::{WebhookView, WebhookWithSecretView};
use super::{find, make_secret};
use crate::app::App;
use crate::domain::{Timestamp, WebhookId};
use crate::http::body::OptionalJsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathIdBeforeVerb;
use crate::http::problem::Failure;

const DEFAULT_OVERLAP_SECONDS: u64 = 86_400;
/// 30 days.
const MAX_OVERLAP_SECONDS: u64 = 2_592_000;

/// How a webhook's secret is replaced.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RotateWebhookSecretInput {
    /// For how long deliveries carry signatures by both secrets, 0 to 2,592,000; default 86,400.
    #[schema(example = 3600, maximum = 2592000)]
    overlap_seconds: Option<u64>,
}

/// Replace the secret of a webhook.
///
/// Until the overlap is over each delivery is signed by both, so that receivers take the new one when it suits them. A secret from before
/// an earlier overlap that still runs signs no more.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{webhook_id}:rotate-secret",
    tag = "webhooks",
    params(("webhook_id" = String, Path)),
    request_body(content = Option<RotateWebhookSecretInput>),
    responses((status = 200, description = "The webhook with its new secret, shown this once.", body = WebhookWithSecretView<'_>))
)]
pub(in crate::http) async fn rotate_webhook_secret(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<WebhookId>,
    OptionalJsonBody(mut body): OptionalJsonBody,
) -> Result<Response, Failure> {
    let overlap = body.number("overlap_seconds").flatten().unwrap_or(DEFAULT_OVERLAP_SECONDS);
    let mut errors = body.finish();
    if overlap > MAX_OVERLAP_SECONDS {
        errors.add("/overlap_seconds", format!("must be 0 to {MAX_OVERLAP_SECONDS}"));
    }
    errors.into_result()?;
    let old = find(&app, &caller, id).await?;
    let now = app.now();
    let old_until = Timestamp(now.0.saturating_add(overlap as i64 * 1_000));
    let (secret, sealed) = make_secret(&app, id, old.signature)?;
    let public_key = secret.public_key();
    let changed =
        app.store.rotate_webhook_secret(&caller.actor(), id, sealed, public_key, old_until, now).await?;
    let shown = secret.shown();
    let webhook = WebhookView::of(changed.value, now);
    let view = WebhookWithSecretView { webhook, secret: shown.as_ref().map(|text| text.as_str()) };
    Ok(Json(view).into_response())
}
