/// What this is and where to go on.
#[utoipa::path(get, path = "/", tag = "system", responses((status = 200, description = "A few lines of text.", body = String)))]
pub(in crate::http) async fn index() -> &'static str {
    concat!(
        "Latchkey control plane ",
        env!("CARGO_PKG_VERSION"),
        "\n\n/openapi.json  what this API can do\n/docs  the same, to read and try\n/v1/keyspaces  begin here, with an admin key\n/healthz /readyz\n"
    )
}
