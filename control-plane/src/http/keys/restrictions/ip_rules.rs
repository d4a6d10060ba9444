use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::ip_rule;
use super::schema::{IpActionName, IpRuleInput};
use super::view::{self, IpRuleView};
use crate::app::App;
use crate::domain::restrictions::{IpAction, IpRule, check_ip_rules, default_action};
use crate::domain::{Key, KeyId, KeyPatch, RestrictionsPatch};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathId;
use crate::http::precondition::{IfMatch, tagged};
use crate::http::problem::Failure;
use crate::http::reply;

/// The rules about addresses of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct IpRulesView {
    /// The first that matches decides.
    rules: Vec<IpRuleView>,
    /// What happens to addresses that no rule matches: `deny` once there is a rule that allows.
    #[schema(value_type = IpActionName)]
    default: IpAction,
}

/// The rules about addresses of a key.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct IpRulesInput {
    /// The whole list.
    #[schema(max_items = 256)]
    rules: Vec<IpRuleInput>,
}

impl IpRulesView {
    fn of(key: Key) -> Self {
        Self::of_rules(key.restrictions.ip_rules)
    }

    fn of_rules(rules: Vec<IpRule>) -> Self {
        Self { default: default_action(&rules), rules: view::ip_rules(rules) }
    }
}

/// Show from which addresses a key may be used.
#[utoipa::path(
    get,
    path = "/v1/keys/{key_id}/ip-rules",
    tag = "keys",
    params(("key_id" = String, Path)),
    responses((status = 200, description = "The rules.", body = IpRulesView))
)]
pub(in crate::http) async fn get_ip_rules(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
) -> Result<Response, Failure> {
    let key = app.store.key(caller.workspace(), id).await?;
    Ok(tagged(key.change_seq, Json(IpRulesView::of(key))))
}

/// Say from which addresses a key may be used.
///
/// The first rule that matches decides. An address that none matches may use the key, unless there is a rule that allows: then only those
/// that are allowed may. Try rules before with `:preview`.
#[utoipa::path(
    put,
    path = "/v1/keys/{key_id}/ip-rules",
    tag = "keys",
    params(("key_id" = String, Path), ("If-Match" = Option<String>, Header, description = "the key's ETag")),
    request_body = IpRulesInput,
    responses(
        (status = 200, description = "The rules as they are now.", body = IpRulesView),
        (status = 409, description = "`KEY_REVOKED`."),
    )
)]
pub(in crate::http) async fn put_ip_rules(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyId>,
    IfMatch(expected): IfMatch,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let rules = body.nested_list("rules", ip_rule).flatten();
    let mut errors = body.finish();
    let rules = errors.required("/rules", rules).unwrap_or_default();
    // Checked here first, so that fields are named as they stand in this body.
    check_ip_rules(rules.clone(), "/rules", &mut errors);
    errors.into_result()?;
    let restrictions = RestrictionsPatch { ip_rules: Some(Some(rules)), ..RestrictionsPatch::default() };
    let patch = KeyPatch { restrictions, ..KeyPatch::default() };
    let changed = app.store.update_key(&caller.actor(), id, expected, patch, app.now()).await?;
    Ok(tagged(changed.change_seq, reply::changed(changed.change_seq, IpRulesView::of(changed.value))))
}
