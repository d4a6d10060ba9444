use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use latchkey_validator::{Credential, RequestFacts, Verdict, explain};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::error::ObjectKind;
use crate::domain::{DomainError, FieldErrors, Key, KeyId, Secret, SecretId, text};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::params::PathIdBeforeVerb;
use crate::http::problem::Failure;
use crate::http::shapes;

const MAX_HEADERS: usize = 32;
const MAX_TARGET_BYTES: usize = 8_192;

/// A request that a key might make.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct ExplainInput {
    /// In upper case; default `GET`.
    #[schema(example = "GET", pattern = "^[A-Z]{1,16}$")]
    method: Option<String>,
    /// With the query, if there is one.
    #[schema(example = "/v1/hello?network=Mainnet", min_length = 1, max_length = 8_192)]
    path: String,
    /// The client's address, IPv4 or IPv6; absent: a gate cannot tell.
    #[schema(example = "192.0.2.7", pattern = "^[0-9a-fA-F:.]{2,45}$")]
    address: Option<String>,
    /// Headers by name, at most 32.
    #[schema(value_type = Option<std::collections::HashMap<String, String>>, example = json!({"x-network": "Mainnet"}))]
    headers: Option<()>,
    /// Which of the key's tokens; absent: the newest.
    #[schema(value_type = Option<shapes::SecretId>, example = json!(null))]
    secret_id: Option<String>,
}

/// What a gate would say, and why.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct ExplanationView {
    /// `VALID`, or why the request would be denied; `null` if that depends on `conditions`.
    #[schema(value_type = Option<shapes::DecisionCode>)]
    code: Option<&'static str>,
    /// Whether it passes as it is; false also if that depends on `conditions`.
    allowed: bool,
    /// The published head that this was decided from; `null` if nothing was published yet.
    seq: Option<u64>,
    /// What a gate has to settle before the request passes: `signature`, `rate_limits`, `credits`, `upstream_credential`.
    #[schema(example = json!(["credits"]))]
    conditions: Vec<&'static str>,
    /// The checks in their order, up to the first that failed.
    checks: Vec<CheckView>,
}

/// One check.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct CheckView {
    #[schema(example = "address")]
    name: &'static str,
    passed: bool,
    /// What was looked at.
    #[schema(example = "192.0.2.7")]
    input: String,
    /// What came out.
    detail: String,
}

/// Explain what a gate would decide about a request of a key.
///
/// The decision is made by the gates' own code, from what was last published, check by check. Nothing is counted or spent.
#[utoipa::path(
    post,
    path = "/v1/keys/{key_id}:explain",
    tag = "keys",
    params(("key_id" = String, Path)),
    request_body = ExplainInput,
    responses((status = 200, description = "What a gate would say, also if that is no.", body = ExplanationView))
)]
pub(in crate::http) async fn explain_key(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(id): PathIdBeforeVerb<KeyId>,
    JsonBody(mut body): JsonBody,
) -> Result<Json<ExplanationView>, Failure> {
    let request = Asked::read(&mut body);
    let request = request.check(body.finish())?;
    let key = app.store.key(caller.workspace(), id).await?;
    let secret = request.secret_of(&key)?;
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let credential = Credential::Digest(&secret.digest.0);
    let facts = RequestFacts::new(credential, &request.method, request.path.as_bytes())
        .with_address(request.address)
        .with_headers(&headers);
    let now = app.now();
    let answer = app.replicas.ask(app.store.as_ref(), key.keyspace_id, now, |gate| {
        let seq = gate.loaded.map(|loaded| loaded.snapshot.head().head().seq);
        let explanation = explain(&facts, gate, now.as_seconds());
        let (code, conditions) = match explanation.verdict {
            Verdict::Decided(decision) => (Some(decision.code), Vec::new()),
            Verdict::Conditional(conditional) => (None, conditional.demands.names().collect()),
            Verdict::NeedsObject(object) => return Err(object),
        };
        let checks = explanation.checks.into_iter().map(|check| CheckView {
            name: check.name,
            passed: check.passed,
            input: check.input,
            detail: check.detail,
        });
        Ok(ExplanationView {
            code: code.map(|code| code.as_str()),
            allowed: code.is_some_and(|code| code.is_allowed()),
            seq,
            conditions,
            checks: checks.collect(),
        })
    });
    Ok(Json(answer.await?))
}

struct Asked {
    method: Option<String>,
    path: Option<String>,
    address: Option<String>,
    headers: serde_json::Map<String, Value>,
    secret_id: Option<String>,
}

struct Request {
    method: String,
    path: String,
    address: Option<IpAddr>,
    headers: Vec<(String, String)>,
    secret_id: Option<SecretId>,
}

impl Asked {
    fn read(body: &mut Fields) -> Self {
        Self {
            method: body.text("method").flatten(),
            path: body.text("path").flatten(),
            address: body.text("address").flatten(),
            headers: body.object("headers").flatten().unwrap_or_default(),
            secret_id: body.text("secret_id").flatten(),
        }
    }

    fn check(self, mut errors: FieldErrors) -> Result<Request, FieldErrors> {
        let method = self.method.unwrap_or_else(|| "GET".to_owned());
        if !(1..=16).contains(&method.len()) || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            errors.add("/method", "must be a method in upper case");
        }
        let path = errors.required("/path", self.path);
        if path.as_ref().is_some_and(|path| !(1..=MAX_TARGET_BYTES).contains(&path.len())) {
            errors.add("/path", format!("must have 1 to {MAX_TARGET_BYTES} bytes"));
        }
        let address = self.address.and_then(|given| errors.check("/address", text::address(&given)));
        let secret_id = self.secret_id.and_then(|id| errors.check("/secret_id", id.parse()));
        let headers = check_headers(self.headers, &mut errors);
        errors.into_result().map(|()| Request {
            method,
            path: path.unwrap_or_default(),
            address,
            headers,
            secret_id,
        })
    }
}

fn check_headers(headers: serde_json::Map<String, Value>, errors: &mut FieldErrors) -> Vec<(String, String)> {
    if headers.len() > MAX_HEADERS {
        errors.add("/headers", format!("must have at most {MAX_HEADERS} names"));
    }
    let mut checked = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        match value {
            Value::String(value) => checked.push((name, value)),
            // Neither name nor value is repeated: a token may stand there.
            _ => errors.add("/headers", "must hold texts"),
        }
    }
    checked
}

impl Request {
    fn secret_of<'a>(&self, key: &'a Key) -> Result<&'a Secret, Failure> {
        let found = match self.secret_id {
            Some(id) => key.secrets.iter().find(|secret| secret.id == id),
            None => key.secrets.last(),
        };
        found.ok_or(Failure::Refused(DomainError::NotFound(ObjectKind::Secret)))
    }
}
