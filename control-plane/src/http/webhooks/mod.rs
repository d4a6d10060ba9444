//! Webhooks and the log of their deliveries.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod deliveries;
pub(super) mod delivery_view;
pub(super) mod list;
pub(super) mod resend;
pub(super) mod rotate_secret;
pub(super) mod test;
pub(super) mod update;
mod view;

use super::caller::Caller;
use super::problem::Failure;
use crate::app::App;
use crate::domain::error::ObjectKind;
use crate::domain::webhook::SignatureKind;
use crate::domain::{DomainError, Webhook, WebhookId};
use crate::webhooks::WebhookSecret;

/// A webhook that the caller may know of.
async fn find(app: &App, caller: &Caller, id: WebhookId) -> Result<Webhook, Failure> {
    let found = app.store.webhook(caller.workspace(), id).await?;
    if found.is_within(caller.admin_key()) {
        Ok(found)
    } else {
        Err(Failure::Refused(DomainError::NotFound(ObjectKind::Webhook)))
    }
}

/// A new secret, and the same sealed.
fn make_secret(app: &App, id: WebhookId, kind: SignatureKind) -> Result<(WebhookSecret, Vec<u8>), Failure> {
    let (bytes, sealed) = app.vault.make_webhook_secret(id).map_err(|error| {
        tracing::error!(%error, "the secret of a webhook could not be made");
        Failure::Internal
    })?;
    Ok((WebhookSecret::new(kind, bytes), sealed))
}
