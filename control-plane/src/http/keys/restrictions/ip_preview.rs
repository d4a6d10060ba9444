use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::ip_rule;
use super::schema::{IpActionName, IpRuleInput};
use crate::app::App;
use crate::domain::restrictions::{IpAction, IpRule, IpRuleDraft, check_ip_rules, default_action, judge};
use crate::domain::{FieldErrors, KeyId, KeyspaceId, text};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::params::PathId;
use crate::http::problem::Failure;

/// An address, and rules to try.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct IpPreviewInput {
    /// IPv4 or IPv6.
    #[schema(example = "127.0.0.1", pattern = "^[0-9a-fA-F:.]{2,45}$")]
    address: String,
    /// Rules to try; absent: those of the key.
    #[schema(max_items = 256)]
    rules: Option<Vec<IpRuleInput>>,
}

/// What the rules say.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct IpPreviewView {
    /// Whether a request from there may use the key, as far as addresses go.
    allowed: bool,
    /// The rule that decided; `null`: none matched.
    matched: Option<MatchedRuleView>,
    /// What happens to addresses that no rule matches.
    #[schema(value_type = IpActionName)]
    default: IpAction,
}

/// The rule that decided.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MatchedRuleView {
    /// Its place in the list, from 0.
    index: usize,
    #[schema(value_type = IpActionName)]
    action: IpAction,
    #[schema(example = "10.0.0.0/8")]
    cidr: String,
}

/// Try whether a key may be used from an address.
///
/// Nothing is changed.
#[utoipa::path(
    post,
    path = "/v1/keys/{key_id}/ip-rules:preview",
    tag = "keys",
    params(("key_id" = String, Path)),
    request_body = IpPreviewInput,
    responses((status = 200, description = "What the rules say.", body = IpPreviewView))
)]
pub(in crate::http) async fn preview_ip_rules(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    JsonBody(mut body): JsonBody,
) -> Result<Json<IpPreviewView>, Failure> {
    let (address, rules) = asked(&mut body);
    let (address, rules) = checked(body.finish(), address, rules)?;
    let key = app.store.key(caller.workspace(), id).await?;
    Ok(Json(preview(&rules.unwrap_or(key.restrictions.ip_rules), address)))
}

/// An address, and the rules that a key is to be made with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct NewIpPreviewInput {
    /// IPv4 or IPv6.
    #[schema(example = "127.0.0.1", pattern = "^[0-9a-fA-F:.]{2,45}$")]
    address: String,
    /// Rules to try.
    #[schema(max_items = 256)]
    rules: Vec<IpRuleInput>,
}

/// Try whether a key that is not made yet could be used from an address.
///
/// Nothing is changed.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/ip-rules:preview",
    tag = "keys",
    params(("keyspace_id" = String, Path)),
    request_body = NewIpPreviewInput,
    responses((status = 200, description = "What the rules say.", body = IpPreviewView))
)]
pub(in crate::http) async fn preview_new_ip_rules(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Json<IpPreviewView>, Failure> {
    let (address, rules) = asked(&mut body);
    let mut errors = body.finish();
    let rules = errors.required("/rules", rules);
    let (address, rules) = checked(errors, address, rules)?;
    app.store.keyspace(caller.workspace(), id).await?;
    Ok(Json(preview(&rules.unwrap_or_default(), address)))
}

fn asked(body: &mut Fields) -> (Option<String>, Option<Vec<IpRuleDraft>>) {
    (body.text("address").flatten(), body.nested_list("rules", ip_rule).flatten())
}

fn checked(
    mut errors: FieldErrors,
    address: Option<String>,
    rules: Option<Vec<IpRuleDraft>>,
) -> Result<(IpAddr, Option<Vec<IpRule>>), Failure> {
    let address = errors.required("/address", address);
    let address = address.and_then(|given| errors.check("/address", text::address(&given)));
    let rules = rules.map(|rules| check_ip_rules(rules, "/rules", &mut errors));
    errors.into_result()?;
    Ok((address.ok_or(Failure::Internal)?, rules))
}

fn preview(rules: &[IpRule], address: IpAddr) -> IpPreviewView {
    let verdict = judge(rules, address);
    let matched = verdict.matched.map(|index| MatchedRuleView {
        index,
        action: rules[index].action,
        cidr: rules[index].cidr.to_string(),
    });
    IpPreviewView { allowed: verdict.allowed, matched, default: default_action(rules) }
}
