use std::io::Write;

use anyhow::bail;

use crate::config::Config;
use crate::domain::WorkspaceId;
use crate::domain::audit::ChainVerifier;
use crate::storage::sqlite::SqliteStore;
use crate::storage::{AuditStore, StoreError};

const PAGE: u32 = 1_000;

/// Walks every chain and prints one line for each.
pub(super) async fn verify(config: Config) -> anyhow::Result<()> {
    let store = SqliteStore::open(&config.data_dir)?;
    let mut broken = 0;
    for workspace in store.audited_workspaces().await? {
        let line = match verify_workspace(&store, workspace).await? {
            Ok(rows) => format!("{workspace}: {rows} rows, unbroken"),
            Err(fault) => {
                broken += 1;
                format!("{workspace}: BROKEN: {fault}")
            }
        };
        writeln!(std::io::stdout(), "{line}")?;
    }
    if broken > 0 {
        bail!("{broken} audit logs were tampered with or damaged; compare them with a backup");
    }
    Ok(())
}

async fn verify_workspace(
    store: &dyn AuditStore,
    workspace: WorkspaceId,
) -> Result<Result<u64, String>, StoreError> {
    let mut chain = ChainVerifier::default();
    loop {
        let page = store.audit_entries(workspace, chain.rows(), PAGE).await?;
        if page.is_empty() {
            return Ok(Ok(chain.rows()));
        }
        if let Err(fault) = page.iter().try_for_each(|entry| chain.take(entry)) {
            return Ok(Err(fault));
        }
    }
}
