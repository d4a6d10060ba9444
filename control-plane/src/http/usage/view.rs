use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Hour, HourCount, LastUsed, LoggedRequest, Timestamp};
use crate::http::params::Params;
use crate::http::shapes;

/// A request that a gate decided.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RequestView {
    /// When the gate decided it.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `null` if the gate knew no such key.
    #[schema(value_type = Option<shapes::KeyId>)]
    key_id: Option<String>,
    /// Which of its tokens was presented.
    #[schema(value_type = Option<shapes::SecretId>)]
    secret_id: Option<String>,
    /// What was decided.
    #[schema(value_type = shapes::DecisionCode)]
    code: &'static str,
    /// What was answered: by the upstream if the request was allowed. `null` if that was not known when the gate reported.
    #[schema(example = 200)]
    status: Option<u16>,
    #[schema(example = "GET")]
    method: String,
    /// Without its query; long ones are cut.
    #[schema(example = "/items/7")]
    path: String,
    /// The pattern of the route that matched.
    #[schema(example = "/items/{id}")]
    route: Option<String>,
    /// The client's.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    /// The location of the gate.
    #[schema(example = "FRA")]
    colo: Option<String>,
    /// The head that was decided from.
    seq: u64,
    /// What the gate, its caller and the upstream call the request.
    request_id: Option<String>,
    /// The gate and the isolate of it that reported.
    gate: String,
}

impl From<LoggedRequest> for RequestView {
    fn from(LoggedRequest { gate, secret, request, .. }: LoggedRequest) -> Self {
        Self {
            at: request.at,
            key_id: request.key.map(|id| id.to_string()),
            secret_id: secret.map(|id| id.to_string()),
            code: request.code.as_str(),
            status: request.status,
            method: request.method,
            path: request.path,
            route: request.route,
            address: request.address.map(|address| address.to_string()),
            colo: request.colo,
            seq: request.seq,
            request_id: request.request_id,
            gate,
        }
    }
}

/// Requests of one hour with one outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct HourView {
    /// When the hour began.
    #[schema(value_type = String, format = DateTime)]
    hour: Timestamp,
    /// What was decided. `null`: unknown, because the gate had to forget the requests before it could report them.
    #[schema(value_type = Option<shapes::DecisionCode>)]
    code: Option<&'static str>,
    requests: u64,
}

impl From<HourCount> for HourView {
    fn from(count: HourCount) -> Self {
        Self {
            hour: count.hour.start(),
            code: count.code.map(|code| code.as_str()),
            requests: count.requests,
        }
    }
}

/// The last request that was let through.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LastUsedView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The client's.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    /// The location of the gate.
    #[schema(example = "FRA")]
    colo: Option<String>,
}

impl From<LastUsed> for LastUsedView {
    fn from(LastUsed { at, address, colo }: LastUsed) -> Self {
        Self { at, address, colo }
    }
}

/// Longest span that is read at once, in hours: 31 days.
const MOST_HOURS: i64 = 744;
/// What is read unless `from` is given.
const DEFAULT_HOURS: i64 = 24;

/// Takes `from` and `to`: whole hours that contain them, by default the last 24.
pub(super) fn span(params: &mut Params, now: Timestamp) -> (Hour, Hour) {
    let to = params.take("to", Timestamp::parse).unwrap_or(now);
    let end = Hour(Hour::of(to).0.saturating_add(1));
    let from = params.take("from", |text| {
        let from = Hour::of(Timestamp::parse(text)?);
        match end.0 - from.0 {
            0..=MOST_HOURS => Ok(from),
            _ => Err("must lie before `to`, by 31 days at most".to_owned()),
        }
    });
    (from.unwrap_or(Hour(end.0 - DEFAULT_HOURS)), end)
}
