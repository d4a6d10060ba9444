use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::{ChosenToken, FieldErrors, FoundToken, KeyId, LeakOutcome, text};
use crate::http::body::LargeJsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::problem::Failure;
use crate::http::shapes;

const MAX_TOKENS: usize = 1_000;

/// Tokens that were found where they do not belong.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct LeaksInput {
    /// 1 to 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    tokens: Vec<LeakInput>,
}

/// One of them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct LeakInput {
    /// The whole token.
    #[schema(example = "demo_test_…")]
    token: String,
    /// Who found it, 1 to 100 characters.
    #[schema(value_type = Option<shapes::Name>)]
    source: Option<String>,
    /// Where, at most 1,000 characters.
    #[schema(value_type = Option<shapes::Description>)]
    url: Option<String>,
}

/// What became of each.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct LeaksView {
    results: Vec<LeakView>,
}

/// What became of one.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct LeakView {
    /// Its place in the request, from 0.
    index: usize,
    #[schema(value_type = shapes::LeakResult)]
    outcome: LeakOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = shapes::KeyId, required = false)]
    key_id: Option<KeyId>,
}

/// Report tokens that leaked.
///
/// Each is matched by its hash, and what happens to its key is the `leak_policy` of the keyspace. All of it happens or nothing.
/// Unknown tokens are kept nowhere.
#[utoipa::path(
    post,
    path = "/v1/keys:revoke-leaked",
    tag = "keys",
    request_body = LeaksInput,
    responses((status = 200, description = "What became of each.", body = LeaksView))
)]
pub(in crate::http) async fn revoke_leaked_keys(
    caller: Caller,
    State(app): State<App>,
    LargeJsonBody(mut body): LargeJsonBody,
) -> Result<Json<LeaksView>, Failure> {
    let tokens = body.nested_list("tokens", found_token).flatten();
    let tokens = checked(tokens, body.finish())?;
    let keyspaces = caller.admin_key().keyspaces.clone();
    let outcomes = app.store.revoke_leaked_keys(&caller.actor(), tokens, keyspaces, app.now()).await?;
    let view = |(index, (outcome, key_id))| LeakView { index, outcome, key_id };
    Ok(Json(LeaksView { results: outcomes.into_iter().enumerate().map(view).collect() }))
}

struct Reported {
    token: Option<ChosenToken>,
    source: Option<String>,
    url: Option<String>,
}

fn found_token(fields: &mut Fields) -> Reported {
    Reported {
        token: fields.text("token").flatten().map(ChosenToken::new),
        source: fields.text("source").flatten(),
        url: fields.text("url").flatten(),
    }
}

fn checked(reported: Option<Vec<Reported>>, mut errors: FieldErrors) -> Result<Vec<FoundToken>, FieldErrors> {
    let reported = errors.required("/tokens", reported).unwrap_or_default();
    if !errors.names("/tokens") && !(1..=MAX_TOKENS).contains(&reported.len()) {
        errors.add("/tokens", format!("must have 1 to {MAX_TOKENS} entries"));
        return Err(errors);
    }
    let mut tokens = Vec::with_capacity(reported.len());
    for (at, one) in reported.into_iter().enumerate() {
        let source =
            one.source.and_then(|source| errors.check(format!("/tokens/{at}/source"), text::name(source)));
        let url = one.url.and_then(|url| errors.check(format!("/tokens/{at}/url"), text::description(url)));
        if let Some(token) = errors.required(&format!("/tokens/{at}/token"), one.token) {
            tokens.push(FoundToken { digest: token.digest(), source, url });
        }
    }
    errors.into_result().map(|()| tokens)
}
