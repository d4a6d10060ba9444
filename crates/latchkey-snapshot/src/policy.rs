//! The policy: routes, the permissions they require, and roles. `spec/snapshot.md` section 6.
//!
//! Here stand the bytes only; what patterns mean is the validator's business.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use latchkey_token::TokenShapes;

use crate::body::{HashedBody, ObjectRef};
use crate::profile::encode_texts;
use crate::reader::Reader;
use crate::route::Route;
use crate::trust::Environment;
use crate::upstream::{self, UpstreamCredential};
use crate::{Refusal, limits, tlv};

pub(crate) const MAGIC: [u8; 4] = *b"LKPO";
const VERSION: u8 = 1;
const NO_PERMISSION: u16 = u16::MAX;
/// Not critical: routes that need one of them say so themselves.
const UPSTREAM_CREDENTIALS: u8 = 0x01;

/// What a request gets that no route matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultAccess {
    #[default]
    Deny,
    /// Any valid key passes.
    AllowAnyKey,
}

/// What happens after a head's `valid_until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExpired {
    /// Fail closed.
    #[default]
    Deny,
    /// Go on from a snapshot that may lack revocations: for keyspaces that rate availability higher.
    DecideFromExpired,
}

/// A named set of permission patterns; profiles refer to it by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    pub number: u16,
    pub grants: Vec<String>,
}

/// The content of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub default: DefaultAccess,
    pub on_expired: OnExpired,
    pub tokens: TokenShapes,
    pub roles: Vec<Role>,
    pub routes: Vec<Route>,
    /// At most 64, no two of one name.
    pub upstream_credentials: Vec<UpstreamCredential>,
}

impl Policy {
    /// The permissions that routes require, each once, ascending.
    pub fn permissions(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.routes.iter().filter_map(|route| route.permission.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The canonical bytes for this keyspace.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] or [`Refusal::TooLong`] past the limits of the format, [`Refusal::NotCanonical`] for two roles with
    /// one number.
    pub fn encode(&self, keyspace: u64) -> Result<Vec<u8>, Refusal> {
        let permissions = self.permissions();
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, self.default as u8, self.on_expired as u8, self.tokens as u8]);
        out.extend_from_slice(&keyspace.to_le_bytes());
        push_count(&mut out, permissions.len(), limits::PERMISSIONS)?;
        out.extend_from_slice(&encode_texts(&permissions)?);
        self.encode_roles(&mut out)?;
        push_count(&mut out, self.routes.len(), limits::ROUTES)?;
        for route in &self.routes {
            encode_route(route, &permissions, &mut out)?;
        }
        let mut extensions = Vec::new();
        if !self.upstream_credentials.is_empty() {
            tlv::push(&mut extensions, UPSTREAM_CREDENTIALS, &upstream::encode(&self.upstream_credentials)?)?;
        }
        push_count(&mut out, extensions.len(), limits::POLICY_BYTES)?;
        out.extend_from_slice(&extensions);
        if out.len() > limits::POLICY_BYTES { Err(Refusal::TooLong) } else { Ok(out) }
    }

    fn encode_roles(&self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut roles: Vec<&Role> = self.roles.iter().collect();
        roles.sort_unstable_by_key(|role| role.number);
        if roles.windows(2).any(|two| two[0].number == two[1].number) {
            return Err(Refusal::NotCanonical);
        }
        push_count(out, roles.len(), limits::ROLES)?;
        for role in roles {
            let mut grants = role.grants.clone();
            grants.sort_unstable();
            grants.dedup();
            out.extend_from_slice(&role.number.to_le_bytes());
            push_count(out, grants.len(), limits::PERMISSIONS)?;
            out.extend_from_slice(&encode_texts(&grants)?);
        }
        Ok(())
    }
}

fn push_count(out: &mut Vec<u8>, count: usize, limit: usize) -> Result<(), Refusal> {
    if count > limit {
        return Err(Refusal::LimitExceeded);
    }
    out.extend_from_slice(&u16::try_from(count).map_err(|_| Refusal::LimitExceeded)?.to_le_bytes());
    Ok(())
}

fn encode_route(route: &Route, permissions: &[&str], out: &mut Vec<u8>) -> Result<(), Refusal> {
    out.extend_from_slice(&encode_texts(&[&route.method])?);
    push_count(out, route.path.len(), limits::POLICY_BYTES)?;
    out.extend_from_slice(route.path.as_bytes());
    let permission = match route.permission.as_deref() {
        None => NO_PERMISSION,
        Some(name) => {
            let index = permissions.binary_search(&name).map_err(|_| Refusal::NotCanonical)?;
            u16::try_from(index).map_err(|_| Refusal::LimitExceeded)?
        }
    };
    out.extend_from_slice(&permission.to_le_bytes());
    out.push(route.environment as u8);
    let extensions = route.encode_extensions()?;
    push_count(out, extensions.len(), limits::POLICY_BYTES)?;
    out.extend_from_slice(&extensions);
    Ok(())
}

/// A policy that is the one its head names.
#[derive(Clone, Debug)]
pub struct VerifiedPolicy {
    policy: Policy,
    bytes: Vec<u8>,
    sha256: [u8; 32],
}

impl VerifiedPolicy {
    /// Verifies `body` as the policy that `object` promises for this keyspace.
    ///
    /// # Errors
    /// A [`Refusal`] about hash, length, form, order or keyspace.
    pub fn verify(object: &ObjectRef, body: HashedBody, keyspace: u64) -> Result<Self, Refusal> {
        object.admit(&body)?;
        if body.bytes.len() > limits::POLICY_BYTES {
            return Err(Refusal::TooLong);
        }
        let policy = decode(&body.bytes, keyspace)?;
        Ok(Self { policy, bytes: body.bytes, sha256: body.sha256 })
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

fn decode(bytes: &[u8], keyspace: u64) -> Result<Policy, Refusal> {
    let mut reader = Reader::new(bytes);
    reader.header(MAGIC, VERSION)?;
    let default = match reader.u8()? {
        0 => DefaultAccess::Deny,
        1 => DefaultAccess::AllowAnyKey,
        _ => return Err(Refusal::NotCanonical),
    };
    let on_expired = match reader.u8()? {
        0 => OnExpired::Deny,
        1 => OnExpired::DecideFromExpired,
        _ => return Err(Refusal::NotCanonical),
    };
    let tokens = match reader.u8()? {
        0 => TokenShapes::OnlyLatchkey,
        1 => TokenShapes::AlsoForeign,
        _ => return Err(Refusal::NotCanonical),
    };
    if reader.u64()? != keyspace {
        return Err(Refusal::KeyspaceMismatch);
    }
    let permissions = decode_texts(&mut reader, limits::PERMISSIONS)?;
    let roles = decode_roles(&mut reader)?;
    let count = read_count(&mut reader, limits::ROUTES)?;
    let routes =
        (0..count).map(|_| decode_route(&mut reader, &permissions)).collect::<Result<Vec<_>, _>>()?;
    let length = reader.u16()?;
    let upstream_credentials = decode_extensions(reader.take(length.into())?)?;
    reader.finish()?;
    let policy = Policy { default, on_expired, tokens, roles, routes, upstream_credentials };
    // Every listed permission is used by a route: one policy, one encoding.
    if policy.permissions() != permissions {
        return Err(Refusal::NotCanonical);
    }
    Ok(policy)
}

fn decode_extensions(bytes: &[u8]) -> Result<Vec<UpstreamCredential>, Refusal> {
    let mut credentials = Vec::new();
    for entry in tlv::Entries::new(bytes) {
        match entry? {
            (UPSTREAM_CREDENTIALS, value) => credentials = upstream::decode(value)?,
            (kind, _) if kind >= tlv::CRITICAL => return Err(Refusal::UnknownCritical),
            _ => {}
        }
    }
    Ok(credentials)
}

fn read_count(reader: &mut Reader<'_>, limit: usize) -> Result<usize, Refusal> {
    let count = usize::from(reader.u16()?);
    if count > limit { Err(Refusal::LimitExceeded) } else { Ok(count) }
}

/// Strictly ascending texts.
fn decode_texts(reader: &mut Reader<'_>, limit: usize) -> Result<Vec<String>, Refusal> {
    let count = read_count(reader, limit)?;
    let mut texts: Vec<String> = Vec::new();
    for _ in 0..count {
        let text = reader.short_text()?;
        if texts.last().is_some_and(|last| last.as_str() >= text) {
            return Err(Refusal::NotCanonical);
        }
        texts.push(text.to_string());
    }
    Ok(texts)
}

fn decode_roles(reader: &mut Reader<'_>) -> Result<Vec<Role>, Refusal> {
    let count = read_count(reader, limits::ROLES)?;
    let mut roles: Vec<Role> = Vec::new();
    for _ in 0..count {
        let number = reader.u16()?;
        if roles.last().is_some_and(|last| last.number >= number) {
            return Err(Refusal::NotCanonical);
        }
        roles.push(Role { number, grants: decode_texts(reader, limits::PERMISSIONS)? });
    }
    Ok(roles)
}

fn decode_route(reader: &mut Reader<'_>, permissions: &[String]) -> Result<Route, Refusal> {
    let method = reader.short_text()?.to_string();
    let length = reader.u16()?;
    let path = core::str::from_utf8(reader.take(length.into())?).map_err(|_| Refusal::NotCanonical)?;
    let permission = match reader.u16()? {
        NO_PERMISSION => None,
        index => Some(permissions.get(usize::from(index)).ok_or(Refusal::NotCanonical)?.clone()),
    };
    let environment = Environment::read(reader.u8()?)?;
    let mut route = Route { method, path: path.to_string(), permission, environment, ..Route::default() };
    let length = reader.u16()?;
    route.decode_extensions(reader.take(length.into())?)?;
    Ok(route)
}
