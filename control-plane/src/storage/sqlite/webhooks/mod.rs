//! Webhooks, the events that they are told of, and the deliveries of these.

mod backlog;
mod credits;
mod endpoints;
mod events;
mod forget;
mod log;
mod notices;
mod send;

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::params;
use tokio::sync::Notify;

use super::rows::{number, unsigned};
use super::{Mutation, News, SqliteStore};
use crate::domain::webhook::{AttemptRecord, Delivery, DisabledReason, WebhookSettings};
use crate::domain::{
    Actor, AdminKey, DeliveryId, Page, PageRequest, RequestId, Timestamp, Webhook, WebhookId, WorkspaceId,
};
use crate::storage::{
    CaughtUp, Committed, DeliveryFilter, DeliveryRecord, DeliveryStore, DueWebhook, FannedOut, StaleGate,
    StoreError, WatchedGates, WebhookStore,
};

pub(super) use credits::{tell_levels, unit_view};
pub(super) use events::{is_wanted, tell, write};

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn create_webhook(
        &self,
        actor: &Actor,
        webhook: Webhook,
        sealed_secret: Vec<u8>,
    ) -> Result<Committed<Webhook>, StoreError> {
        let at = webhook.created_at;
        self.mutate(actor, at, move |mutation| endpoints::create(mutation, webhook, &sealed_secret)).await
    }

    async fn webhook(&self, workspace: WorkspaceId, id: WebhookId) -> Result<Webhook, StoreError> {
        self.read(move |connection| endpoints::stored(connection, workspace, id)).await
    }

    async fn webhooks(&self, viewer: &AdminKey, page: PageRequest) -> Result<Page<Webhook>, StoreError> {
        let viewer = viewer.clone();
        self.read(move |connection| {
            let sql = format!(
                "SELECT {} FROM webhooks WHERE workspace_id = ?1 AND id < ?2 AND deleted_at IS NULL \
                 AND (?3 IS NULL OR (keyspaces IS NOT NULL AND NOT EXISTS (SELECT 1 FROM json_each(keyspaces) AS k \
                 WHERE k.value NOT IN (SELECT value FROM json_each(?3))))) ORDER BY id DESC LIMIT ?4",
                endpoints::COLUMNS
            );
            let own = endpoints::keyspaces_json(viewer.keyspaces.as_deref())?;
            let before = page.before.map_or(i64::MAX, number);
            let mut statement = connection.prepare_cached(&sql)?;
            let values = params![number(viewer.workspace_id.0), before, own, page.limit + 1];
            let found = statement.query_map(values, endpoints::read)?;
            Ok(Page::from_overfull(found.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    async fn update_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        settings: WebhookSettings,
        at: Timestamp,
    ) -> Result<Committed<Webhook>, StoreError> {
        self.mutate(actor, at, move |mutation| {
            // The sender is to go by the new settings, and what was pending while it was off is due now.
            mutation.notes_events();
            endpoints::update(mutation, id, settings)
        })
        .await
    }

    async fn delete_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError> {
        self.mutate(actor, at, move |mutation| {
            mutation.notes_events();
            endpoints::delete(mutation, id)
        })
        .await
    }

    async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        id: WebhookId,
        sealed_secret: Vec<u8>,
        public_key: Option<[u8; 32]>,
        old_until: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<Webhook>, StoreError> {
        self.mutate(actor, at, move |mutation| {
            mutation.notes_events();
            endpoints::rotate_secret(mutation, id, &sealed_secret, public_key, old_until)
        })
        .await
    }

    async fn send_test_event(
        &self,
        actor: &Actor,
        id: WebhookId,
        at: Timestamp,
    ) -> Result<Committed<Delivery>, StoreError> {
        self.mutate(actor, at, move |mutation| log::send_test(mutation, id)).await
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        self.read(move |connection| {
            endpoints::stored(connection, workspace, webhook)?;
            log::page(connection, webhook, filter, page)
        })
        .await
    }

    async fn delivery(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<DeliveryRecord, StoreError> {
        self.read(move |connection| {
            endpoints::stored(connection, workspace, webhook)?;
            log::record(connection, webhook, id)
        })
        .await
    }

    async fn resend_delivery(
        &self,
        actor: &Actor,
        webhook: WebhookId,
        id: DeliveryId,
        at: Timestamp,
    ) -> Result<Committed<Delivery>, StoreError> {
        self.mutate(actor, at, move |mutation| log::resend(mutation, webhook, id)).await
    }

    async fn resend_failed(
        &self,
        actor: &Actor,
        webhook: WebhookId,
        since: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<u64>, StoreError> {
        self.mutate(actor, at, move |mutation| log::resend_failed(mutation, webhook, since)).await
    }
}

#[async_trait]
impl DeliveryStore for SqliteStore {
    fn event_notices(&self) -> Arc<Notify> {
        Arc::clone(&self.events)
    }

    async fn fan_out(&self, limit: u32, at: Timestamp) -> Result<FannedOut, StoreError> {
        if !self.read(send::has_fresh_events).await? {
            return Ok(FannedOut::default());
        }
        self.keep(move |connection| send::fan_out(connection, limit, at)).await
    }

    async fn catch_up(&self, id: WebhookId, limit: u32, at: Timestamp) -> Result<CaughtUp, StoreError> {
        self.keep(move |connection| backlog::catch_up(connection, id, limit, at)).await
    }

    async fn webhooks_with_due(&self, now: Timestamp) -> Result<Vec<WebhookId>, StoreError> {
        self.read(move |connection| send::with_due(connection, now)).await
    }

    async fn due_deliveries(
        &self,
        id: WebhookId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Option<DueWebhook>, StoreError> {
        self.read(move |connection| send::due(connection, id, now, limit)).await
    }

    async fn note_attempt(&self, record: AttemptRecord) -> Result<Option<DisabledReason>, StoreError> {
        self.keep(move |connection| send::note(connection, &record)).await
    }

    async fn disable_webhook(
        &self,
        id: WebhookId,
        reason: DisabledReason,
        request: RequestId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write_and_tell(move |connection| {
            let sql = "SELECT workspace_id FROM webhooks WHERE id = ?1";
            let workspace = connection.query_row(sql, [number(id.0)], |row| row.get::<_, i64>(0))?;
            let actor = Actor::system(WorkspaceId(unsigned(workspace)), request);
            let mut mutation = Mutation::begin(connection, &actor, at);
            mutation.notes_events();
            let is_disabled = endpoints::disable(&mut mutation, id, reason)?;
            Ok((is_disabled, mutation.finish()?))
        })
        .await
    }

    async fn tell_of_expiry(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.write_and_tell(move |connection| {
            let seen = notices::tell_of_expiry(connection, now)?;
            Ok((seen, News::of_events(seen > 0)))
        })
        .await
    }

    async fn watched_gates(&self) -> Result<Vec<WatchedGates>, StoreError> {
        self.read(notices::watched_gates).await
    }

    async fn tell_of_stale_gates(&self, stale: Vec<StaleGate>, now: Timestamp) -> Result<usize, StoreError> {
        self.write_and_tell(move |connection| {
            let told = notices::tell_of_stale_gates(connection, &stale, now)?;
            Ok((told, News::of_events(told > 0)))
        })
        .await
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.keep(move |connection| forget::forget(connection, before)).await
    }
}
