use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::http::shapes;

/// Which route needs what.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) struct PolicyView {
    /// Default `deny`.
    #[schema(value_type = Option<shapes::DefaultAccess>)]
    default: Option<String>,
    /// At most 512.
    #[schema(max_items = 512)]
    routes: Option<Vec<RouteView>>,
}

/// A route.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) struct RouteView {
    /// Upper case; default `*`, any.
    #[schema(value_type = Option<shapes::RouteMethod>)]
    method: Option<String>,
    /// `{name}` stands for one segment, `*` at the end for any rest.
    #[schema(value_type = shapes::RoutePath)]
    path: String,
    /// What a key needs; absent: any valid key passes.
    #[schema(value_type = Option<shapes::Permission>)]
    permission: Option<String>,
    /// Absent: both.
    #[schema(value_type = Option<shapes::Environment>)]
    environment: Option<String>,
    /// By name of a constraint, where a request says which value it is about: a key that has the constraint passes only with one of its
    /// values, given once. At most 8, and at most 8 different headers in all routes together.
    #[schema(schema_with = sources)]
    constraints: Option<()>,
    /// Credits that a request costs, each unit once. Only keys that have credits pay.
    #[schema(max_items = 16)]
    cost: Option<Vec<CostView>>,
    /// How much a request counts in rate limits; default 1.
    #[schema(example = 1, maximum = 1_000_000_000)]
    rate_cost: Option<u32>,
    signature: Option<SignatureView>,
    /// The name of the upstream credential that a request gets; `{name}` stands for the value that the request has of that constraint.
    #[schema(example = "payments-{network}", max_length = 128)]
    upstream_credential: Option<String>,
}

/// Where a request says which value it is about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) struct SourceView {
    /// In which part of the request.
    r#in: PlaceName,
    /// Of the path parameter, the header in lower case, or the query parameter; default: that of the constraint.
    #[schema(example = "network", min_length = 1, max_length = 64)]
    name: Option<String>,
}

/// A part of a request.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", example = "query")]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) enum PlaceName {
    Path,
    Header,
    Query,
}

/// What a request costs of one unit.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) struct CostView {
    #[schema(example = "requests", pattern = "^[a-z][a-z0-9_.-]{0,31}$")]
    unit: String,
    #[schema(example = 1, minimum = 1, maximum = 1_000_000_000)]
    amount: u32,
}

/// What a signature (RFC 9421) has to look like.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) struct SignatureView {
    /// Whether requests without one are refused, whatever their key says; default true.
    #[schema(example = false)]
    required: Option<bool>,
    /// Whether it must have a nonce that was not used before; default false.
    #[schema(example = false)]
    nonce: Option<bool>,
    /// How old it may be; default 300.
    #[schema(example = 300, minimum = 1, maximum = 3_600)]
    max_age_seconds: Option<u32>,
    /// What it must cover beyond the minimum: headers in lower case, or derived components such as `@query`.
    #[schema(example = json!(["content-digest"]), max_items = 16)]
    components: Option<Vec<String>>,
}

fn sources() -> Object {
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-z][a-z0-9_]{0,31}$"));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .property_names(Some(name.build()))
        .additional_properties(Some(Ref::from_schema_name("SourceView")))
        .max_properties(Some(8))
        .examples([serde_json::json!({ "network": { "in": "query", "name": "network" } })])
        .build()
}
