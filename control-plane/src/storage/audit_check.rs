use super::{AuditStore, StoreError};
use crate::domain::WorkspaceId;
use crate::domain::audit::ChainVerifier;

/// Rows that are read at once.
const PAGE: u32 = 1_000;

/// Takes a workspace's log through `chain` to its end. The inner error is the first fault.
///
/// # Errors
/// The log cannot be read.
pub async fn check_audit_log<S: AuditStore + ?Sized>(
    store: &S,
    workspace: WorkspaceId,
    chain: &mut ChainVerifier,
) -> Result<Result<(), String>, StoreError> {
    loop {
        let page = store.audit_entries(workspace, chain.rows(), PAGE).await?;
        if let Err(fault) = page.iter().try_for_each(|entry| chain.take(entry)) {
            return Ok(Err(fault));
        }
        if page.is_empty() {
            let end = store.audit_end(workspace).await?;
            // Rows may have been logged between the two reads.
            let more = !store.audit_entries(workspace, chain.rows(), 1).await?.is_empty();
            if !more || end.is_none_or(|end| end.seq <= chain.rows()) {
                return Ok(chain.finish(end.as_ref()));
            }
        }
    }
}
