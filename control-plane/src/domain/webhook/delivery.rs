//! Deliveries: an event on its way to one webhook.

use super::DisabledReason;
use crate::domain::{DeliveryId, EventId, EventType, KeyId, KeyspaceId, Timestamp, WebhookId};

/// For how long deliveries, their attempts and events are kept.
pub const KEPT_DAYS: i64 = 30;
/// Deliveries that may wait for a webhook. Further events wait without one, and so does all that happens while it fails: what a dead
/// receiver costs does not grow with the events.
pub const WINDOW: u32 = 64;
/// A delivery that was tried fewer times holds up those behind it of the same key, so that a short outage changes no order. One that
/// fails on and on holds up nothing: news of a revocation must not wait for a day.
pub const HOLDING_TRIES: u32 = 2;
/// Seconds from each attempt to the next: 28 hours together.
const PAUSES: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
/// By which part of it a pause is lengthened or shortened at most.
const JITTER: f64 = 0.2;

/// How long a delivery rests after it was tried so many times; `None`: for good. `lot` is drawn from 0..1 and spreads deliveries that
/// failed together.
pub fn retry_pause(tries: u32, lot: f64) -> Option<i64> {
    let pause = PAUSES.get(tries.checked_sub(1)? as usize)?;
    let factor = 1.0 - JITTER + 2.0 * JITTER * lot;
    Some((*pause as f64 * 1_000.0 * factor) as i64)
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be tried, for the first time or again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was given up. It can be sent again.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads its name.
    ///
    /// # Errors
    /// A sentence for the caller who wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or("must be pending, delivered or failed")
    }
}

/// An event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook_id: WebhookId,
    /// What it carries; the `webhook-id` of every attempt.
    pub event_id: EventId,
    /// What the event tells of.
    pub kind: EventType,
    /// The keyspace that the event concerns.
    pub keyspace_id: Option<KeyspaceId>,
    /// The key that the event concerns.
    pub key_id: Option<KeyId>,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried, all in all.
    pub attempts: u32,
    /// The status of the last answer, if there was one.
    pub last_status: Option<u16>,
    /// What kept the last attempt from success.
    pub last_error: Option<String>,
    /// When it is tried next, if it is.
    pub next_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

/// One attempt, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1, 2, 3, …
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What kept it from success.
    pub error: Option<String>,
    /// The first 1,024 bytes of the answer's body.
    pub response: String,
}

/// A delivery that is to be tried now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// The key that the event concerns.
    pub key_id: Option<KeyId>,
    /// The bytes to send.
    pub body: String,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// It did not, or nobody knows.
    Failed,
    /// It answered 410: it wants no more of any of it.
    Gone,
}

/// An attempt that was made, to be noted.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// Of which delivery.
    pub delivery_id: DeliveryId,
    /// Of which webhook.
    pub webhook_id: WebhookId,
    /// When it began.
    pub at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What kept it from success.
    pub error: Option<String>,
    /// The start of the answer's body.
    pub response: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Drawn from 0..1; see [`retry_pause`].
    pub lot: f64,
}

impl Outcome {
    /// Why the webhook is to be switched off, if it has failed since `failing_since`.
    pub fn ends_webhook(self, failing_since: Timestamp, now: Timestamp) -> Option<DisabledReason> {
        match self {
            Self::Gone => Some(DisabledReason::Gone),
            Self::Failed if failing_since.plus_days(super::PATIENCE_DAYS) <= now => {
                Some(DisabledReason::Failing)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w1_retries_span_a_day_and_a_bit_with_jitter_and_end() {
        let middle: i64 = (1..).map_while(|tries| retry_pause(tries, 0.5)).sum();
        assert_eq!(middle / 1_000, 5 + 300 + 1_800 + 7_200 + 18_000 + 72_000);
        assert_eq!((retry_pause(1, 0.0), retry_pause(1, 1.0)), (Some(4_000), Some(6_000)));
        assert_eq!((retry_pause(0, 0.5), retry_pause(8, 0.5)), (None, None));
    }
}
