//! Routes of a policy, and what they ask for beyond a permission: `spec/snapshot.md` section 6.1.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::names::{Ascending, is_constraint_name, is_unit_name, require, within};
use crate::profile::encode_texts;
use crate::reader::Reader;
use crate::trust::Environment;
use crate::{Refusal, limits, tlv};

const CONSTRAINTS: u8 = 0x81;
const COST: u8 = 0x82;
const RATE_COST: u8 = 0x83;
const SIGNATURE: u8 = 0x84;
const UPSTREAM_CREDENTIAL: u8 = 0x85;

const REQUIRED: u8 = 1;
const NONCE: u8 = 1 << 1;

/// What a request costs of each rate limit where its route says nothing.
pub const DEFAULT_RATE_COST: u32 = 1;

/// A route and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Upper-case method, or `*`.
    pub method: String,
    /// Path pattern.
    pub path: String,
    /// Permission that a key needs; `None` = any valid key.
    pub permission: Option<String>,
    /// Which keys may pass.
    pub environment: Environment,
    /// By name of the constraint, where a request says which value it is about. At most 8.
    pub constraints: BTreeMap<String, ConstraintSource>,
    /// By unit, the credits that a request of a usage-limited key costs, each at least 1.
    pub cost: BTreeMap<String, u32>,
    /// How much a request counts in each rate limit; 0 = nothing.
    pub rate_cost: u32,
    /// What a signature has to look like; `None` = as [`RouteSignature::default`].
    pub signature: Option<RouteSignature>,
    /// The name of the credential that the upstream gets. May hold `{constraint}`: the value that the request has for it.
    pub upstream_credential: Option<String>,
    /// The route restricts requests in a way that this version cannot read. It must never be matched as allowed. Always false when
    /// encoding.
    pub unknown_restriction: bool,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            method: String::new(),
            path: String::new(),
            permission: None,
            environment: Environment::Any,
            constraints: BTreeMap::new(),
            cost: BTreeMap::new(),
            rate_cost: DEFAULT_RATE_COST,
            signature: None,
            upstream_credential: None,
            unknown_restriction: false,
        }
    }
}

/// Where a request says which value it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConstraintSource {
    /// The parameter of the path pattern with this name.
    Path(String),
    /// The header with this name, in lower case.
    Header(String),
    /// The query parameter with this name.
    Query(String),
}

impl ConstraintSource {
    fn parts(&self) -> (u8, &String) {
        match self {
            Self::Path(name) => (0, name),
            Self::Header(name) => (1, name),
            Self::Query(name) => (2, name),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let kind = reader.u8()?;
        let name = reader.short_text()?;
        within(name.len(), 1..=limits::SOURCE_NAME_BYTES)?;
        match kind {
            0 => Ok(Self::Path(name.into())),
            1 => Ok(Self::Header(name.into())),
            2 => Ok(Self::Query(name.into())),
            _ => Err(Refusal::NotCanonical),
        }
    }
}

/// What a signature has to look like on a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSignature {
    /// Requests without one are denied, whatever the key says.
    pub required: bool,
    /// A nonce must be signed, and not have been used before.
    pub nonce: bool,
    /// How old a signature may be: 1 to 3,600.
    pub max_age_seconds: u32,
    /// What must be covered beyond the minimum, strictly ascending when read.
    pub components: Vec<String>,
}

impl Default for RouteSignature {
    /// For routes that say nothing: not required, no nonce, five minutes.
    fn default() -> Self {
        Self {
            required: false,
            nonce: false,
            max_age_seconds: Self::USUAL_AGE_SECONDS,
            components: Vec::new(),
        }
    }
}

impl RouteSignature {
    /// How old a signature may be where the route does not say.
    pub const USUAL_AGE_SECONDS: u32 = 300;

    fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut components: Vec<&String> = self.components.iter().collect();
        components.sort_unstable();
        components.dedup();
        let flags = u8::from(self.required) * REQUIRED + u8::from(self.nonce) * NONCE;
        let mut out = Vec::from([flags]);
        out.extend_from_slice(&self.max_age_seconds.to_le_bytes());
        out.push(count(components.len())?);
        out.extend_from_slice(&encode_texts(&components)?);
        Ok(out)
    }

    fn decode(value: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(value);
        let flags = reader.u8()?;
        require(flags & !(REQUIRED | NONCE) == 0)?;
        let max_age_seconds = reader.u32()?;
        if !(1..=limits::SIGNATURE_AGE_SECONDS).contains(&max_age_seconds) {
            return Err(Refusal::LimitExceeded);
        }
        let mut names = Ascending::default();
        let mut components = Vec::new();
        for _ in 0..reader.u8()? {
            let name = reader.short_text()?;
            within(name.len(), 1..=limits::COMPONENT_BYTES)?;
            names.take(name, limits::SIGNATURE_COMPONENTS)?;
            components.push(name.to_string());
        }
        reader.finish()?;
        Ok(Self { required: flags & REQUIRED != 0, nonce: flags & NONCE != 0, max_age_seconds, components })
    }
}

impl Route {
    /// The extensions of the route. What the encoding may not hold is found by reading it back.
    pub(crate) fn encode_extensions(&self) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        if !self.constraints.is_empty() {
            tlv::push(&mut out, CONSTRAINTS, &encode_constraints(&self.constraints)?)?;
        }
        if !self.cost.is_empty() {
            tlv::push(&mut out, COST, &encode_cost(&self.cost)?)?;
        }
        if self.rate_cost != DEFAULT_RATE_COST {
            tlv::push(&mut out, RATE_COST, &self.rate_cost.to_le_bytes())?;
        }
        if let Some(signature) = &self.signature {
            tlv::push(&mut out, SIGNATURE, &signature.encode()?)?;
        }
        if let Some(template) = &self.upstream_credential {
            tlv::push(&mut out, UPSTREAM_CREDENTIAL, &encode_texts(&[template])?)?;
        }
        Self::default().decode_extensions(&out)?;
        Ok(out)
    }

    pub(crate) fn decode_extensions(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        for entry in tlv::Entries::new(bytes) {
            let (kind, value) = entry?;
            match kind {
                CONSTRAINTS => self.constraints = decode_constraints(value)?,
                COST => self.cost = decode_cost(value)?,
                RATE_COST => self.rate_cost = decode_rate_cost(value)?,
                SIGNATURE => self.signature = Some(RouteSignature::decode(value)?),
                UPSTREAM_CREDENTIAL => self.upstream_credential = Some(decode_template(value)?),
                _ => self.unknown_restriction |= kind >= tlv::CRITICAL,
            }
        }
        Ok(())
    }
}

fn count(length: usize) -> Result<u8, Refusal> {
    u8::try_from(length).map_err(|_| Refusal::LimitExceeded)
}

fn encode_constraints(constraints: &BTreeMap<String, ConstraintSource>) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::from([count(constraints.len())?]);
    for (name, source) in constraints {
        let (kind, source) = source.parts();
        out.extend_from_slice(&encode_texts(&[name])?);
        out.push(kind);
        out.extend_from_slice(&encode_texts(&[source])?);
    }
    Ok(out)
}

fn decode_constraints(value: &[u8]) -> Result<BTreeMap<String, ConstraintSource>, Refusal> {
    let mut reader = Reader::new(value);
    let count = reader.u8()?;
    require(count > 0)?;
    let mut names = Ascending::default();
    let mut constraints = BTreeMap::new();
    for _ in 0..count {
        let name = reader.short_text()?;
        require(is_constraint_name(name))?;
        names.take(name, limits::ROUTE_CONSTRAINTS)?;
        constraints.insert(name.to_string(), ConstraintSource::read(&mut reader)?);
    }
    reader.finish()?;
    Ok(constraints)
}

fn encode_cost(cost: &BTreeMap<String, u32>) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    for (unit, amount) in cost {
        out.extend_from_slice(&encode_texts(&[unit])?);
        out.extend_from_slice(&amount.to_le_bytes());
    }
    Ok(out)
}

fn decode_cost(value: &[u8]) -> Result<BTreeMap<String, u32>, Refusal> {
    let mut reader = Reader::new(value);
    let mut units = Ascending::default();
    let mut cost = BTreeMap::new();
    require(!value.is_empty())?;
    while reader.remaining() > 0 {
        let unit = reader.short_text()?;
        require(is_unit_name(unit))?;
        units.take(unit, limits::CREDIT_UNITS)?;
        let amount = reader.u32()?;
        // What costs nothing is left away.
        require(amount > 0)?;
        cost.insert(unit.to_string(), amount);
    }
    Ok(cost)
}

fn decode_rate_cost(value: &[u8]) -> Result<u32, Refusal> {
    let mut reader = Reader::new(value);
    let cost = reader.u32()?;
    reader.finish()?;
    require(cost != DEFAULT_RATE_COST)?;
    Ok(cost)
}

fn decode_template(value: &[u8]) -> Result<String, Refusal> {
    let mut reader = Reader::new(value);
    let template = reader.short_text()?;
    reader.finish()?;
    within(template.len(), 1..=limits::TEMPLATE_BYTES)?;
    Ok(template.to_string())
}
