//! Keys that sign the heads of a keyspace.

pub(super) mod complete;
pub(super) mod list;
pub(super) mod replace;
pub(super) mod rotate;
mod view;

pub(super) use view::HeadKeysView;

use super::problem::Failure;
use crate::app::App;
use crate::domain::KeyspaceId;
use crate::storage::SealedSigningKey;

fn make(app: &App, keyspace: KeyspaceId) -> Result<SealedSigningKey, Failure> {
    app.vault.make_signing_key(keyspace).map_err(|error| {
        tracing::error!(%error, "no signing key could be made");
        Failure::Internal
    })
}
