use axum::Json;
use axum::extract::State;
use latchkey_validator::Code;
use serde::Serialize;
use utoipa::ToSchema;

use super::requests::code;
use crate::app::App;
use crate::domain::{CreditReport, FieldErrors, KeyId, KeyspaceId, RequestReport, Timestamp, UsageReport};
use crate::http::body::LargeJsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::shapes;
use crate::storage::Taken;

/// What a gate has seen since its last report.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct UsageInput {
    /// 1 to 64 bytes. A report under a name that was taken is not counted again.
    #[schema(example = "01JD8Z5T9Q-17", min_length = 1, max_length = 64)]
    batch_id: String,
    /// Which gate and isolate reports, 1 to 128 bytes.
    #[schema(example = "gate-4f2a", min_length = 1, max_length = 128)]
    gate: String,
    /// Requests that the gate had to forget, at most 1,000,000,000; default 0.
    #[schema(example = 0, maximum = 1000000000)]
    dropped: Option<u64>,
    /// At most 2,048.
    #[schema(max_items = 2048)]
    requests: Option<Vec<RequestInput>>,
    /// At most 2,048.
    #[schema(max_items = 2048)]
    credits: Option<Vec<CreditsInput>>,
}

/// A request that the gate decided.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RequestInput {
    #[schema(example = "2027-01-31T12:00:00.250Z", format = DateTime)]
    at: String,
    /// The first 8 bytes of the tag of what was presented, in hexadecimal.
    #[schema(example = "00112233aabbccdd", pattern = "^[0-9a-fA-F]{16}$")]
    tag: Option<String>,
    /// The key's id, if the gate knew it.
    #[schema(value_type = Option<shapes::KeyId>)]
    key: Option<String>,
    #[schema(value_type = shapes::DecisionCode)]
    code: String,
    #[schema(example = 401, minimum = 100, maximum = 599)]
    status: Option<u16>,
    #[schema(example = "GET", min_length = 1, max_length = 32)]
    method: String,
    /// Without its query, at most 2,048 bytes.
    #[schema(example = "/items/7", min_length = 1, max_length = 2048)]
    path: String,
    #[schema(example = "/items/{id}", min_length = 1, max_length = 1024)]
    route: Option<String>,
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    #[schema(example = "FRA", min_length = 1, max_length = 8)]
    colo: Option<String>,
    /// The head that was decided from; default 0: none.
    #[schema(example = 17)]
    seq: Option<u64>,
    #[schema(example = "req-1", min_length = 1, max_length = 128)]
    request_id: Option<String>,
}

/// What a key has used up of a unit in all.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct CreditsInput {
    #[schema(value_type = shapes::KeyId)]
    key: String,
    #[schema(example = "requests", min_length = 1, max_length = 32)]
    unit: String,
    #[schema(example = 120)]
    consumed: u64,
    /// Leased to isolates that never said what they spent of it; default 0.
    #[schema(example = 0)]
    written_off: Option<u64>,
}

/// What became of the report.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct UsageTaken {
    /// Whether a report of this `batch_id` was taken before; then nothing was counted again.
    repeated: bool,
}

/// Report how keys were used: for gates.
///
/// The whole report is taken or nothing of it. Keys that are none of the keyspace's count as unknown ones.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/usage",
    tag = "usage",
    params(("keyspace_id" = String, Path)),
    request_body = UsageInput,
    responses(
        (status = 200, description = "It is on disk.", body = UsageTaken),
        (status = 503, description = "More reports arrive than the database takes; send this one again in a while: `NOT_READY`."),
    )
)]
pub(in crate::http) async fn report_usage(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    LargeJsonBody(body): LargeJsonBody,
) -> Result<Json<UsageTaken>, Failure> {
    let Ok(_room) = app.usage_room.try_acquire() else {
        let detail = "more reports arrive than the database takes; send this one again in a while";
        return Err(Failure::NotReady(detail.to_owned()));
    };
    let now = app.now();
    let report = read(body, now)?;
    let taken = app.store.record_usage(caller.workspace(), keyspace, report, now).await?;
    Ok(Json(UsageTaken { repeated: taken == Taken::Before }))
}

/// What `Fields` found in a report, before anything is asked of its texts.
struct Reported {
    at: Option<String>,
    tag: Option<String>,
    key: Option<String>,
    code: Option<String>,
    status: Option<u64>,
    method: Option<String>,
    path: Option<String>,
    route: Option<String>,
    address: Option<String>,
    colo: Option<String>,
    seq: Option<u64>,
    request_id: Option<String>,
}

struct ReportedCredits {
    key: Option<String>,
    unit: Option<String>,
    consumed: Option<u64>,
    written_off: Option<u64>,
}

fn read(mut body: Fields, now: Timestamp) -> Result<UsageReport, FieldErrors> {
    let batch_id = body.text("batch_id").flatten();
    let gate = body.text("gate").flatten();
    let dropped = body.number("dropped").flatten().unwrap_or(0);
    let requests = body.nested_list("requests", reported).flatten().unwrap_or_default();
    let credits = body.nested_list("credits", reported_credits).flatten().unwrap_or_default();
    let mut errors = body.finish();
    let batch_id = errors.required("/batch_id", batch_id);
    let gate = errors.required("/gate", gate);
    let mut taken = Vec::with_capacity(requests.len());
    for (at, request) in requests.into_iter().enumerate() {
        taken.extend(request.parse(&format!("/requests/{at}"), &mut errors));
    }
    let mut totals = Vec::with_capacity(credits.len());
    for (at, credit) in credits.into_iter().enumerate() {
        totals.extend(credit.parse(&format!("/credits/{at}"), &mut errors));
    }
    let (Some(batch_id), Some(gate), true) = (batch_id, gate, errors.is_empty()) else { return Err(errors) };
    UsageReport { batch_id, gate, dropped, requests: taken, credits: totals }.check(errors, now)
}

fn reported(fields: &mut Fields) -> Reported {
    Reported {
        at: fields.text("at").flatten(),
        tag: fields.text("tag").flatten(),
        key: fields.text("key").flatten(),
        code: fields.text("code").flatten(),
        status: fields.number("status").flatten(),
        method: fields.text("method").flatten(),
        path: fields.text("path").flatten(),
        route: fields.text("route").flatten(),
        address: fields.text("address").flatten(),
        colo: fields.text("colo").flatten(),
        seq: fields.number("seq").flatten(),
        request_id: fields.text("request_id").flatten(),
    }
}

fn reported_credits(fields: &mut Fields) -> ReportedCredits {
    ReportedCredits {
        key: fields.text("key").flatten(),
        unit: fields.text("unit").flatten(),
        consumed: fields.number("consumed").flatten(),
        written_off: fields.number("written_off").flatten(),
    }
}

impl Reported {
    fn parse(self, place: &str, errors: &mut FieldErrors) -> Option<RequestReport> {
        // Places are written down only where something is wrong: a report has thousands of fields.
        let mut wrong = |name: &str, message: String| errors.add(format!("{place}/{name}"), message);
        macro_rules! parsed {
            ($field:ident, $read:expr) => {
                match self.$field.map($read).transpose() {
                    Ok(value) => value,
                    Err(message) => {
                        wrong(stringify!($field), message.to_string());
                        return None;
                    }
                }
            };
        }
        let at = parsed!(at, |text| Timestamp::parse(&text));
        let code: Option<Code> = parsed!(code, |name| code(&name));
        let tag = parsed!(tag, |text| hex_tag(&text));
        let key = parsed!(key, |text| text.parse::<KeyId>());
        let address = parsed!(address, |text| text.parse().map_err(|_| "must be an IP address"));
        let status = parsed!(status, |status| u16::try_from(status).map_err(|_| "must be 100 to 599"));
        let (Some(at), Some(code), Some(method), Some(path)) = (at, code, self.method, self.path) else {
            wrong("", "must have at, code, method and path".to_owned());
            return None;
        };
        Some(RequestReport {
            at,
            tag,
            key,
            code,
            status,
            method,
            path,
            route: self.route,
            address,
            colo: self.colo,
            seq: self.seq.unwrap_or(0),
            request_id: self.request_id,
        })
    }
}

impl ReportedCredits {
    fn parse(self, place: &str, errors: &mut FieldErrors) -> Option<CreditReport> {
        let (Some(key), Some(unit), Some(consumed)) = (self.key, self.unit, self.consumed) else {
            errors.add(place, "must have key, unit and consumed");
            return None;
        };
        let key = key.parse().map_err(|error| errors.add(format!("{place}/key"), format!("{error}"))).ok();
        let key: KeyId = key?;
        Some(CreditReport { key, unit, consumed, written_off: self.written_off.unwrap_or(0) })
    }
}

fn hex_tag(text: &str) -> Result<[u8; 8], &'static str> {
    let mut tag = [0; 8];
    hex::decode_to_slice(text, &mut tag).map_err(|_| "must be 16 hexadecimal digits")?;
    Ok(tag)
}
