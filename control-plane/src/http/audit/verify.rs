use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::audit::ChainVerifier;
use crate::http::caller::Caller;
use crate::http::problem::Failure;
use crate::storage::check_audit_log;

/// Whether the log is as it was written.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AuditVerdictView {
    ok: bool,
    /// Rows that are sound, from the first on.
    rows: u64,
    /// The hash of the last sound row, in hexadecimal. Note it elsewhere: it holds the log against whoever can rewrite all of it.
    head: String,
    /// What is wrong with the first row that is not sound.
    fault: Option<String>,
}

/// Check the whole log: every row's content, its place, and that none is missing.
#[utoipa::path(
    get,
    path = "/v1/audit:verify",
    tag = "audit",
    responses((status = 200, description = "The verdict.", body = AuditVerdictView))
)]
pub(in crate::http) async fn verify_audit(
    caller: Caller,
    State(app): State<App>,
) -> Result<Json<AuditVerdictView>, Failure> {
    let mut chain = ChainVerifier::default();
    let fault = check_audit_log(app.store.as_ref(), caller.workspace(), &mut chain).await?.err();
    let (rows, head) = (chain.rows(), hex::encode(chain.hash()));
    Ok(Json(AuditVerdictView { ok: fault.is_none(), rows, head, fault }))
}
