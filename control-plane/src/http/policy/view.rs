use utoipa::ToSchema;

/// Which route needs what.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) struct PolicyView {
    /// What a route that nothing matches gets: `deny` or `allow` (any valid key); default `deny`.
    #[schema(example = "deny")]
    default: Option<String>,
    /// At most 512.
    routes: Option<Vec<RouteView>>,
}

/// A route.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it and the domain's policy is written")]
pub(in crate::http) struct RouteView {
    /// Upper case; default `*`, any.
    #[schema(example = "GET")]
    method: Option<String>,
    /// `{name}` stands for one segment, `*` at the end for any rest.
    #[schema(example = "/items/{id}")]
    path: String,
    /// What a key needs; absent: any valid key passes.
    #[schema(example = "items:read")]
    permission: Option<String>,
    /// `test` or `live`; absent: both.
    #[schema(example = "live")]
    environment: Option<String>,
}
