use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::webhook::{Attempt, Delivery};
use crate::domain::{KeyId, KeyspaceId, Timestamp};
use crate::http::problem::Failure;
use crate::http::shapes;
use crate::storage::DeliveryRecord;

/// An event on its way to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DeliveryView {
    #[schema(value_type = shapes::DeliveryId)]
    id: String,
    #[schema(value_type = shapes::WebhookId)]
    webhook_id: String,
    /// What receivers get as `webhook-id`: the same in every attempt.
    #[schema(value_type = shapes::EventId)]
    event_id: String,
    #[schema(value_type = shapes::EventKind)]
    r#type: &'static str,
    #[schema(value_type = Option<shapes::KeyspaceId>)]
    keyspace_id: Option<KeyspaceId>,
    #[schema(value_type = Option<shapes::KeyId>)]
    key_id: Option<KeyId>,
    #[schema(value_type = shapes::DeliveryState)]
    status: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// The status of the last answer.
    last_response_status: Option<u16>,
    /// What kept the last attempt from success.
    last_error: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was delivered or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

/// A delivery with what was sent and what came back.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DeliveryRecordView {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The body that is sent, as it is signed.
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    attempts_made: Vec<AttemptView>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AttemptView {
    /// 1, 2, 3, …
    number: u32,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    duration_ms: u64,
    /// The status of the answer.
    response_status: Option<u16>,
    /// The first 1,024 bytes of the answer.
    response_body: String,
    /// What kept it from success, such as `TIMEOUT`.
    error: Option<String>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            webhook_id: delivery.webhook_id.to_string(),
            event_id: delivery.event_id.to_string(),
            r#type: delivery.kind.as_str(),
            keyspace_id: delivery.keyspace_id,
            key_id: delivery.key_id,
            status: delivery.state.as_str(),
            attempts: delivery.attempts,
            last_response_status: delivery.last_status,
            last_error: delivery.last_error,
            next_attempt_at: delivery.next_at,
            created_at: delivery.created_at,
            finished_at: delivery.finished_at,
        }
    }
}

impl DeliveryRecordView {
    pub(super) fn of(record: DeliveryRecord) -> Result<Self, Failure> {
        let payload = RawValue::from_string(record.body).map_err(|error| {
            tracing::error!(%error, "a kept event is not JSON");
            Failure::Internal
        })?;
        let attempts_made = record.attempts.into_iter().map(AttemptView::from).collect();
        Ok(Self { delivery: record.delivery.into(), payload, attempts_made })
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at,
            duration_ms: attempt.duration_ms,
            response_status: attempt.status,
            response_body: attempt.response,
            error: attempt.error,
        }
    }
}
