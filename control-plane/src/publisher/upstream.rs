//! Credentials for upstreams, as gates get them.

use latchkey_snapshot as snapshot;

use super::{Context, PublishError};
use crate::domain::Keyspace;
use crate::seal::seal_for_gate;
use crate::storage::PublishedCredential;

/// The credentials of a keyspace, sealed for its gates. What was sealed once stays as it is until the value or the gates' key
/// changes: sealed again it would be other bytes, and every head would bring another policy.
pub(super) async fn sealed_credentials(
    context: &Context,
    keyspace: &Keyspace,
) -> Result<Vec<snapshot::UpstreamCredential>, PublishError> {
    // Without a key there are none, or the keyspace was deleted.
    let Some(key) = keyspace.gate_encryption_key else { return Ok(Vec::new()) };
    let (store, vault) = (&context.app.store, &context.app.vault);
    let mut published = Vec::new();
    for known in store.published_credentials(keyspace.id).await? {
        let PublishedCredential { credential, sealed, for_gates } = &known;
        let mut outline = credential.outline();
        outline.sealed = match for_gates {
            Some((sealed_by, sealed)) if *sealed_by == key => sealed.clone(),
            _ => {
                let value = vault.open_upstream_credential(credential.id, sealed)?;
                let sealed = seal_for_gate(&key, keyspace.id, &credential.name, &value)?;
                store.keep_for_gates(known.clone(), key, sealed.clone()).await?;
                sealed
            }
        };
        published.push(outline);
    }
    Ok(published)
}
