use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use latchkey_token::{TokenShapes, parse_presented};
use latchkey_validator::{Code, Conditional, Credential, Demands, RequestFacts, Verdict, decide};
use serde::Serialize;
use utoipa::ToSchema;

use super::by_token::{checked, token};
use crate::app::App;
use crate::domain::{ChosenToken, FieldErrors, Key, KeyspaceId, text};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::problem::Failure;
use crate::http::shapes;

/// A token, and what it would be used for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct VerifyInput {
    /// The whole token.
    #[schema(example = "demo_test_…")]
    token: String,
    /// The request's method in upper case; `GET` if only a path is given.
    #[schema(example = "GET")]
    method: Option<String>,
    /// The request's path. Without it the key is judged, and no route.
    #[schema(example = "/v1/hello")]
    path: Option<String>,
    /// The client's address, IPv4 or IPv6. Without it a key that has address rules is denied, as at a gate that does not know it.
    #[schema(example = "127.0.0.1", pattern = "^[0-9a-fA-F:.]{2,45}$")]
    address: Option<String>,
}

/// What a gate would say.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct VerdictView {
    /// `VALID`, or why the request would be denied. Gates tell strangers less: `REVOKED` and `MALFORMED_KEY` look like `NOT_FOUND` there.
    #[schema(value_type = shapes::DecisionCode)]
    code: &'static str,
    allowed: bool,
    /// What a gate would see to besides, and deny the request for if it cannot: `rate_limits`, `credits`. Absent if nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    conditions: Vec<&'static str>,
    /// The key that the token stands for, whatever the code; absent if there is none, or no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<VerifiedKeyView>,
    /// The published head that this was decided from; `null` if the token belongs to no keyspace or nothing was published yet.
    seq: Option<u64>,
}

/// Which key.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct VerifiedKeyView {
    #[schema(value_type = shapes::KeyId)]
    id: String,
    name: String,
    owner: Option<String>,
    #[schema(value_type = shapes::Environment)]
    environment: &'static str,
}

/// Decide about a token as a gate would.
///
/// The decision is made by the gates' own code, from what was last published: a change of a moment ago may not be in it yet. The request
/// is taken to have no headers and no signature. It counts as no use of the key: neither in rate limits nor in credits.
#[utoipa::path(
    post,
    path = "/v1/keys:verify",
    tag = "keys",
    request_body = VerifyInput,
    responses((status = 200, description = "What a gate would say, also if that is no.", body = VerdictView))
)]
pub(in crate::http) async fn verify_key(
    caller: Caller,
    State(app): State<App>,
    JsonBody(mut body): JsonBody,
) -> Result<Json<VerdictView>, Failure> {
    let token = token(&mut body);
    let (method, path) = (body.text("method").flatten(), body.text("path").flatten());
    let address = body.text("address").flatten();
    let mut errors = body.finish();
    let target = Target::check(method, path, &mut errors);
    let address = address.and_then(|given| errors.check("/address", text::address(&given)));
    let token = checked(token, errors)?;
    let home = app.store.home_of_token(caller.workspace(), token.digest()).await?;
    // To a caller who is limited to keyspaces, tokens of others are unknown.
    let Some((keyspace, key)) = home.filter(|(keyspace, _)| caller.admin_key().reaches(*keyspace)) else {
        let answer = Answer { code: code_of_stranger(&token), conditions: Vec::new(), seq: None };
        return Ok(Json(VerdictView::of(answer, None)));
    };
    let answer = ask(&app, keyspace, &token, target.as_ref(), address).await?;
    Ok(Json(VerdictView::of(answer, key)))
}

/// What a token would be used for.
struct Target {
    method: String,
    path: String,
}

impl Target {
    fn check(method: Option<String>, path: Option<String>, errors: &mut FieldErrors) -> Option<Self> {
        if path.is_none() && method.is_some() {
            errors.add("/path", "is missing: a method alone matches no route");
        }
        Some(Self { method: method.unwrap_or_else(|| "GET".to_owned()), path: path? })
    }
}

/// What a gate with the newest head says.
struct Answer {
    code: Code,
    conditions: Vec<&'static str>,
    /// Of the head.
    seq: Option<u64>,
}

async fn ask(
    app: &App,
    keyspace: KeyspaceId,
    token: &ChosenToken,
    target: Option<&Target>,
    address: Option<IpAddr>,
) -> Result<Answer, Failure> {
    let now = app.now();
    let facts = facts(token.credential(), target).with_address(address);
    let answer = app.replicas.ask(app.store.as_ref(), keyspace, now, |gate| {
        let seq = gate.loaded.map(|loaded| loaded.snapshot.head().head().seq);
        let (code, conditions) = match decide(&facts, gate, now.as_seconds()) {
            Verdict::Decided(decision) => (decision.code, Vec::new()),
            Verdict::Conditional(conditional) => settle(&conditional),
            Verdict::NeedsObject(object) => return Err(object),
        };
        Ok(Answer { code, conditions, seq })
    });
    let mut answer = answer.await?;
    if target.is_none() && answer.code == Code::RouteNotFound {
        answer.code = Code::Valid;
    }
    Ok(answer)
}

/// There is no signature to check, so a request that must have one is denied; what gates count is said, because only they know how much
/// of it is used up.
fn settle(conditional: &Conditional<'_>) -> (Code, Vec<&'static str>) {
    let Demands { signature, rate, credits, .. } = conditional.demands;
    if signature.is_some_and(|signature| signature.required) {
        return (conditional.settle(Err(Code::SignatureRequired)).code, Vec::new());
    }
    let conditions = [rate.map(|_| "rate_limits"), credits.map(|_| "credits")];
    (conditional.settle(Ok(())).code, conditions.into_iter().flatten().collect())
}

/// Without a target, one that no policy matches: a route is looked for after everything that is about the key itself, so that
/// nothing but that is missing says that the key is good.
fn facts<'a>(credential: Credential<'a>, target: Option<&'a Target>) -> RequestFacts<'a> {
    match target {
        Some(target) => RequestFacts::new(credential, &target.method, target.path.as_bytes()),
        None => RequestFacts::new(credential, "GET", b""),
    }
}

/// No keyspace knows the token, so there is no snapshot to ask; what is no token at all every gate refuses as such.
fn code_of_stranger(token: &ChosenToken) -> Code {
    match token.credential() {
        Credential::Token(text) if parse_presented(text, TokenShapes::AlsoForeign).is_ok() => Code::NotFound,
        _ => Code::MalformedKey,
    }
}

impl VerdictView {
    fn of(Answer { code, conditions, seq }: Answer, key: Option<Key>) -> Self {
        let key = key.map(|key| VerifiedKeyView {
            id: key.id.to_string(),
            name: key.name,
            owner: key.owner,
            environment: key.environment.as_str(),
        });
        Self { code: code.as_str(), allowed: code.is_allowed(), conditions, key, seq }
    }
}
