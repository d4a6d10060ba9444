//! Credentials that gates add to requests.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod update;
mod view;

use self::view::UpstreamCredentialView;
use super::problem::Failure;
use crate::app::App;
use crate::domain::UpstreamCredentialId;
use crate::domain::upstream_credential::CredentialValue;
use crate::storage::SealedValue;

fn seal(app: &App, id: UpstreamCredentialId, value: &CredentialValue) -> Result<SealedValue, Failure> {
    let sealed = app.vault.seal_upstream_credential(id, value.expose()).map_err(|error| {
        tracing::error!(%error, "a value could not be sealed");
        Failure::Internal
    })?;
    Ok(SealedValue { sealed, value_bytes: value.expose().len() })
}
