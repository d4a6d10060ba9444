//! Credentials for the upstream, sealed for the gate alone: `spec/snapshot.md` section 6.2.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::names::{Ascending, is_credential_name, is_header_name, require, within};
use crate::profile::encode_texts;
use crate::reader::Reader;
use crate::{Refusal, limits};

/// A credential that a gate adds to a request for the upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamCredential {
    /// By which routes refer to it.
    pub name: String,
    /// The header that it goes into, in lower case.
    pub header: String,
    /// What stands before it in the header, such as `Bearer `: visible ASCII and spaces.
    pub value_prefix: String,
    /// HPKE: 32 bytes of encapsulated key, then the ciphertext.
    pub sealed: Vec<u8>,
}

/// Number of credentials, then each, ascending by name.
pub(crate) fn encode(credentials: &[UpstreamCredential]) -> Result<Vec<u8>, Refusal> {
    let mut sorted: Vec<&UpstreamCredential> = credentials.iter().collect();
    sorted.sort_unstable_by_key(|credential| &credential.name);
    let mut out = Vec::from([u8::try_from(sorted.len()).map_err(|_| Refusal::LimitExceeded)?]);
    for credential in sorted {
        out.extend_from_slice(&encode_texts(&[
            &credential.name,
            &credential.header,
            &credential.value_prefix,
        ])?);
        let length = u16::try_from(credential.sealed.len()).map_err(|_| Refusal::LimitExceeded)?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&credential.sealed);
    }
    decode(&out)?;
    Ok(out)
}

pub(crate) fn decode(value: &[u8]) -> Result<Vec<UpstreamCredential>, Refusal> {
    let mut reader = Reader::new(value);
    let mut names = Ascending::default();
    let mut credentials = Vec::new();
    let count = reader.u8()?;
    require(count > 0)?;
    for _ in 0..count {
        let name = reader.short_text()?;
        require(is_credential_name(name))?;
        names.take(name, limits::UPSTREAM_CREDENTIALS)?;
        let (header, value_prefix) = (reader.short_text()?, reader.short_text()?);
        require(is_header_name(header))?;
        within(value_prefix.len(), 0..=limits::VALUE_PREFIX_BYTES)?;
        // Nothing that ends a header.
        require(value_prefix.bytes().all(|byte| matches!(byte, b' '..=b'~')))?;
        let length = usize::from(reader.u16()?);
        within(length, 1..=limits::SEALED_BYTES)?;
        credentials.push(UpstreamCredential {
            name: name.to_string(),
            header: header.to_string(),
            value_prefix: value_prefix.to_string(),
            sealed: reader.take(length)?.to_vec(),
        });
    }
    reader.finish()?;
    Ok(credentials)
}
