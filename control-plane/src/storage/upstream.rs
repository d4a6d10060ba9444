use async_trait::async_trait;

use super::{Committed, StoreError};
use crate::domain::upstream_credential::{GateEncryptionKey, UpstreamCredentialSettings};
use crate::domain::{
    Actor, KeyspaceId, Page, PageRequest, Timestamp, UpstreamCredential, UpstreamCredentialId, WorkspaceId,
};

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedValue {
    /// Only the master key opens it.
    pub sealed: Vec<u8>,
    /// How long it is, opened.
    pub value_bytes: usize,
}

/// A credential as the publisher needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCredential {
    /// The credential.
    pub credential: UpstreamCredential,
    /// Its value.
    pub sealed: Vec<u8>,
    /// What was last sealed of it for gates, and by which key.
    pub for_gates: Option<(GateEncryptionKey, Vec<u8>)>,
}

/// Credentials for upstreams.
#[async_trait]
pub trait UpstreamStore: Send + Sync + 'static {
    /// Makes a credential.
    async fn create_upstream_credential(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
        settings: UpstreamCredentialSettings,
        value: SealedValue,
        at: Timestamp,
    ) -> Result<Committed<UpstreamCredential>, StoreError>;

    /// One credential.
    async fn upstream_credential(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
    ) -> Result<UpstreamCredential, StoreError>;

    /// Credentials of a keyspace, newest first.
    async fn upstream_credentials(
        &self,
        workspace: WorkspaceId,
        keyspace: KeyspaceId,
        page: PageRequest,
    ) -> Result<Page<UpstreamCredential>, StoreError>;

    /// Changes a credential; without a value it keeps the one that it has.
    async fn update_upstream_credential(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
        settings: UpstreamCredentialSettings,
        value: Option<SealedValue>,
        at: Timestamp,
    ) -> Result<Committed<UpstreamCredential>, StoreError>;

    /// Deletes a credential for good.
    async fn delete_upstream_credential(
        &self,
        actor: &Actor,
        keyspace: KeyspaceId,
        id: UpstreamCredentialId,
        at: Timestamp,
    ) -> Result<Committed<()>, StoreError>;

    /// All credentials of a keyspace with their values, for the publisher, which works for all tenants.
    async fn published_credentials(
        &self,
        keyspace: KeyspaceId,
    ) -> Result<Vec<PublishedCredential>, StoreError>;

    /// Keeps what was sealed for gates of the value that `of` is, unless the credential has another one by now.
    async fn keep_for_gates(
        &self,
        of: PublishedCredential,
        key: GateEncryptionKey,
        sealed: Vec<u8>,
    ) -> Result<(), StoreError>;
}
