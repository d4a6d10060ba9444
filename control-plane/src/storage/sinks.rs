use std::collections::HashMap;

use async_trait::async_trait;

use super::StoreError;
use crate::domain::KeyspaceId;

/// What the publisher needs of sinks beside the keyspaces that have them.
#[async_trait]
pub trait SinkStore: Send + Sync + 'static {
    /// The sealed secrets of a keyspace's sinks, by the names of the sinks.
    async fn sink_secrets(&self, keyspace: KeyspaceId) -> Result<HashMap<String, Vec<u8>>, StoreError>;

    /// Forgets the sinks of a deleted keyspace, with their secrets: all of them have its end.
    async fn forget_sinks(&self, keyspace: KeyspaceId) -> Result<(), StoreError>;
}
