use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Committed, StoreError};
use crate::domain::webhook::{
    Attempt, AttemptRecord, Delivery, DeliveryState, DisabledReason, DueDelivery, WebhookSettings,
};
use crate::domain::{
    Actor, AdminKey, DeliveryId, GateUrl, KeyspaceId, Page, PageRequest, RequestId, Timestamp, Webhook,
    WebhookId, WorkspaceId,
};

/// Secrets of a webhook as they are kept: only the master key opens them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedWebhookSecrets {
    /// The one that signs.
    pub present: Vec<u8>,
    /// The one before, which signs too until [`Webhook::old_secret_until`].
    pub old: Option<Vec<u8>>,
}

/// Which deliveries a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those that stand like this.
    pub state: Option<DeliveryState>,
    /// Only those made at or after this moment.
    pub since: Option<Timestamp>,
}

/// A delivery with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The delivery.
    pub delivery: Delivery,
    /// The bytes that are sent.
    pub body: String,
    /// What was tried, in order.
    pub attempts: Vec<Attempt>,
}

/// Webhooks and the log of their deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync + 'static {
    /// Makes a webhook. It hears of what happens from then on.
    async fn create_webhook(
        &self,
        actor: &Actor,
        webhook: Webhook,
        sealed_secret: Vec<u8>,
    ) -> Result<Committed<Webhook>, StoreError>;

    /// One webhook.
    async fn webhook(&self, workspace: WorkspaceId, id: WebhookId) -> Result<Webhook, StoreError>;

    /// The webhooks that an admin key may see, newest first.
    async fn webhooks(&self, viewer: &AdminKey, page: PageRequest) -> Result<Page<Webhook>, StoreError>;

    /// Gives a webhook other settings. One that is switched on hears of what happens from then on, and of what was still pending.
    async fn update_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        settings: WebhookSettings,
        at: Timestamp,
    ) -> Result<Committed<Webhook>, StoreError>;

    /// Deletes a webhook with all that is pending for it.
    async fn delete_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;

    /// Gives a webhook another secret. The one that it has signs too until `old_until`; one before that does not any more.
    async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        id: WebhookId,
        sealed_secret: Vec<u8>,
        public_key: Option<[u8; 32]>,
        old_until: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<Webhook>, StoreError>;

    /// Makes an event of type `webhook.test` for this webhook alone.
    async fn send_test_event(
        &self,
        actor: &Actor,
        id: WebhookId,
        at: Timestamp,
    ) -> Result<Committed<Delivery>, StoreError>;

    /// Deliveries of a webhook, newest first.
    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;

    /// One delivery.
    async fn delivery(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<DeliveryRecord, StoreError>;

    /// Has a delivery tried now, however it stands, and as often as a new one.
    async fn resend_delivery(
        &self,
        actor: &Actor,
        webhook: WebhookId,
        id: DeliveryId,
        at: Timestamp,
    ) -> Result<Committed<Delivery>, StoreError>;

    /// As [`WebhookStore::resend_delivery`], for all that failed and were made at or after `since`. Returns how many. Events that waited
    /// when the webhook was switched off by itself, and had no delivery yet, get one too, as it is their turn.
    async fn resend_failed(
        &self,
        actor: &Actor,
        webhook: WebhookId,
        since: Timestamp,
        at: Timestamp,
    ) -> Result<Committed<u64>, StoreError>;
}

/// What turning events into deliveries came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FannedOut {
    /// How many events it was.
    pub events: u32,
    /// The webhooks that have something to be sent.
    pub webhooks: Vec<WebhookId>,
}

/// A webhook at work.
#[derive(Clone, Debug, PartialEq)]
pub struct DueWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// What it signs by.
    pub secrets: SealedWebhookSecrets,
    /// What is to be tried now, in the order in which it is to be tried.
    pub deliveries: Vec<DueDelivery>,
    /// Whether [`DeliveryStore::catch_up`] may have something to do.
    pub events_wait: bool,
}

/// What making deliveries of events that waited came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// How many were made.
    pub deliveries: u32,
    /// Whether another call may make more.
    pub may_have_more: bool,
}

/// The gates of a keyspace of whose stale gates somebody wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedGates {
    /// The keyspace.
    pub keyspace_id: KeyspaceId,
    /// How long a gate may confirm nothing.
    pub fresh_seconds: u32,
    /// Its gates.
    pub gates: Vec<GateUrl>,
}

/// A gate that has confirmed nothing for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleGate {
    /// Of which keyspace.
    pub keyspace_id: KeyspaceId,
    /// Which.
    pub gate: GateUrl,
    /// The head that it confirmed last, if it did since the program started.
    pub applied_seq: Option<u64>,
    /// The last change in that head.
    pub applied_change_seq: Option<u64>,
    /// When it confirmed.
    pub acked_at: Option<Timestamp>,
    /// Why the last push failed, as a code.
    pub last_error: Option<String>,
}

/// What the sender of events reads and keeps. It works for all tenants, so nothing here takes a workspace.
#[async_trait]
pub trait DeliveryStore: Send + Sync + 'static {
    /// Notified of events and deliveries that were committed. It remembers one notice.
    fn event_notices(&self) -> Arc<Notify>;

    /// Makes deliveries of up to `limit` events, each event once. Events for webhooks that fail, or that have as many deliveries waiting
    /// as they may, are left to [`DeliveryStore::catch_up`].
    async fn fan_out(&self, limit: u32, at: Timestamp) -> Result<FannedOut, StoreError>;

    /// Makes deliveries of up to `limit` of the events that wait for a webhook, oldest first and each once.
    async fn catch_up(&self, id: WebhookId, limit: u32, at: Timestamp) -> Result<CaughtUp, StoreError>;

    /// Enabled webhooks that have something to be tried now, or events that wait.
    async fn webhooks_with_due(&self, now: Timestamp) -> Result<Vec<WebhookId>, StoreError>;

    /// What is to be tried now for a webhook; `None` if it is switched off or gone.
    async fn due_deliveries(
        &self,
        id: WebhookId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Option<DueWebhook>, StoreError>;

    /// Notes an attempt and what follows from it for the delivery. Returns why the webhook is to be switched off, if it is.
    async fn note_attempt(&self, record: AttemptRecord) -> Result<Option<DisabledReason>, StoreError>;

    /// Switches a webhook off, gives up what is pending for it, and has an event say so. `false` if it was off.
    async fn disable_webhook(
        &self,
        id: WebhookId,
        reason: DisabledReason,
        request: RequestId,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Has events tell of some of the keys that expire in seven days, in one, or now; of each of these moments once. Returns how many keys
    /// were looked at; call it until that is none.
    async fn tell_of_expiry(&self, now: Timestamp) -> Result<usize, StoreError>;

    /// The gates to look after.
    async fn watched_gates(&self) -> Result<Vec<WatchedGates>, StoreError>;

    /// Has events tell of the gates that are stale and were not before. Returns how many that were.
    async fn tell_of_stale_gates(&self, stale: Vec<StaleGate>, now: Timestamp) -> Result<usize, StoreError>;

    /// Forgets some of the events, deliveries and attempts from before `before`, and of deleted webhooks. Returns how many rows; call
    /// it until it forgets none.
    async fn forget_deliveries(&self, before: Timestamp) -> Result<usize, StoreError>;
}
