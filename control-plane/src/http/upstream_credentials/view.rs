use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Timestamp, UpstreamCredential};
use crate::http::shapes;

/// A credential that gates add to requests. Its value is never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct UpstreamCredentialView {
    #[schema(value_type = shapes::UpstreamCredentialId)]
    id: String,
    #[schema(value_type = shapes::KeyspaceId)]
    keyspace_id: String,
    /// By which routes refer to it.
    #[schema(example = "payments-Mainnet")]
    name: String,
    /// The header that it goes into.
    #[schema(example = "authorization")]
    header: String,
    /// What stands before it in the header.
    #[schema(example = "Bearer ")]
    prefix: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<UpstreamCredential> for UpstreamCredentialView {
    fn from(credential: UpstreamCredential) -> Self {
        Self {
            id: credential.id.to_string(),
            keyspace_id: credential.keyspace_id.to_string(),
            name: credential.name,
            header: credential.header,
            prefix: credential.prefix,
            created_at: credential.created_at,
            updated_at: credential.updated_at,
        }
    }
}

/// A new credential.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct UpstreamCredentialInput {
    /// By which routes refer to it; unique in the keyspace. It does not change afterwards.
    #[schema(example = "payments-Mainnet", pattern = "^[A-Za-z0-9_.-]{1,64}$")]
    name: String,
    /// The header that it goes into, in lower case; default `authorization`. Not one that frames requests or that gates set themselves.
    #[schema(example = "authorization", pattern = "^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
    header: Option<String>,
    /// What stands before it in the header; default `Bearer ` in `authorization`, else nothing.
    #[schema(example = "Bearer ", pattern = "^[ -~]{0,32}$")]
    prefix: Option<String>,
    /// It is sealed at once and never shown again.
    #[schema(example = "mainnetB7", pattern = "^[!-~]([ -~]{0,2046}[!-~])?$")]
    value: String,
}

/// What can be changed of a credential. Absent fields stay as they are; `null` goes back to the default.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct UpstreamCredentialPatchInput {
    /// See creation.
    #[schema(example = "x-api-key", pattern = "^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
    header: Option<String>,
    /// See creation.
    #[schema(example = "", pattern = "^[ -~]{0,32}$")]
    prefix: Option<String>,
    /// Another value; not `null`.
    #[schema(example = "mainnetC8", pattern = "^[!-~]([ -~]{0,2046}[!-~])?$", required = false)]
    value: String,
}
