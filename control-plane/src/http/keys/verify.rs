use axum::Json;
use axum::extract::State;
use latchkey_token::{TokenShapes, parse_presented};
use latchkey_validator::{Code, Credential, RequestFacts, Verdict, decide};
use serde::Serialize;
use utoipa::ToSchema;

use super::by_token::{checked, token};
use crate::app::App;
use crate::domain::{ChosenToken, FieldErrors, Key, KeyspaceId};
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
}

/// What a gate would say.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct VerdictView {
    /// `VALID`, or why the request would be denied. Gates tell strangers less: `REVOKED` and `MALFORMED_KEY` look like `NOT_FOUND` there.
    #[schema(value_type = shapes::DecisionCode)]
    code: &'static str,
    allowed: bool,
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
/// The decision is made by the gates' own code, from what was last published: a change of a moment ago may not be in it yet. It
/// counts as no use of the key.
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
    let mut errors = body.finish();
    let target = Target::check(method, path, &mut errors);
    let token = checked(token, errors)?;
    let home = app.store.home_of_token(caller.workspace(), token.digest()).await?;
    // To a caller who is limited to keyspaces, tokens of others are unknown.
    let Some((keyspace, key)) = home.filter(|(keyspace, _)| caller.admin_key().reaches(*keyspace)) else {
        return Ok(Json(VerdictView::of(code_of_stranger(&token), None, None)));
    };
    let (code, seq) = ask(&app, keyspace, &token, target.as_ref()).await?;
    Ok(Json(VerdictView::of(code, seq, key)))
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

async fn ask(
    app: &App,
    keyspace: KeyspaceId,
    token: &ChosenToken,
    target: Option<&Target>,
) -> Result<(Code, Option<u64>), Failure> {
    let now = app.now();
    let facts = facts(token.credential(), target);
    let answer = app.replicas.ask(app.store.as_ref(), keyspace, now, |gate| {
        let seq = gate.loaded.map(|loaded| loaded.snapshot.head().head().seq);
        match decide(&facts, gate, now.as_seconds()) {
            Verdict::Decided(decision) => Ok((decision.code, seq)),
            // Nothing here verifies signatures, counts requests or spends credits.
            Verdict::Conditional(_) => Ok((Code::RestrictionUnsupported, seq)),
            Verdict::NeedsObject(object) => Err(object),
        }
    });
    match answer.await? {
        (Code::RouteNotFound, seq) if target.is_none() => Ok((Code::Valid, seq)),
        decided => Ok(decided),
    }
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
    fn of(code: Code, seq: Option<u64>, key: Option<Key>) -> Self {
        let key = key.map(|key| VerifiedKeyView {
            id: key.id.to_string(),
            name: key.name,
            owner: key.owner,
            environment: key.environment.as_str(),
        });
        Self { code: code.as_str(), allowed: code.is_allowed(), key, seq }
    }
}
