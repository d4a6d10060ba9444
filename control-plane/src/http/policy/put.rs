use axum::extract::State;
use axum::response::Response;

use super::view::PolicyView;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::domain::policy::PolicyDocument;
use crate::domain::route::{RouteDocument, SignatureDocument, SourceDocument};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::params::PathId;
use crate::http::problem::Failure;
use crate::http::reply;

/// Replace the policy.
///
/// Roles are objects of their own: see `/v1/keyspaces/{keyspace_id}/roles`.
#[utoipa::path(
    put,
    path = "/v1/keyspaces/{keyspace_id}/policy",
    tag = "policy",
    params(("keyspace_id" = String, Path)),
    request_body = PolicyView,
    responses((status = 200, description = "The policy as it is now.", body = PolicyView))
)]
pub(in crate::http) async fn put_policy(
    caller: Caller,
    State(app): State<App>,
    PathId(id): PathId<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    let document = PolicyDocument {
        default: body.text("default").flatten(),
        routes: body.nested_list("routes", route).flatten().unwrap_or_default(),
    };
    let policy = document.check(body.finish())?;
    let replaced = app.store.replace_policy(&caller.actor(), id, policy, app.now()).await?;
    Ok(reply::changed(replaced.change_seq, replaced.value.policy))
}

fn route(fields: &mut Fields) -> RouteDocument {
    RouteDocument {
        method: fields.text("method").flatten(),
        path: fields.text("path").flatten(),
        permission: fields.text("permission").flatten(),
        environment: fields.text("environment").flatten(),
        constraints: fields.nested_map("constraints", source).flatten().unwrap_or_default(),
        cost: fields.nested_list("cost", cost).flatten().unwrap_or_default(),
        rate_cost: fields.number("rate_cost").flatten(),
        signature: fields.nested("signature", signature).flatten(),
        upstream_credential: fields.text("upstream_credential").flatten(),
    }
}

fn source(fields: &mut Fields) -> SourceDocument {
    SourceDocument { place: fields.text("in").flatten(), name: fields.text("name").flatten() }
}

fn cost(fields: &mut Fields) -> (Option<String>, Option<u64>) {
    (fields.text("unit").flatten(), fields.number("amount").flatten())
}

fn signature(fields: &mut Fields) -> SignatureDocument {
    SignatureDocument {
        required: fields.flag("required").flatten(),
        nonce: fields.flag("nonce").flatten(),
        max_age_seconds: fields.number("max_age_seconds").flatten(),
        components: fields.texts("components").flatten(),
    }
}
