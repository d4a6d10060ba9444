use utoipa::ToSchema;

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
}
