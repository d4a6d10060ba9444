//! Routes of a policy: what a request has to have, and what it costs.

use std::collections::BTreeMap;

use latchkey_snapshot as snapshot;
use latchkey_snapshot::limits;
use latchkey_snapshot::names::{is_constraint_name, is_credential_name, is_header_name, is_unit_name};
use latchkey_token::Environment;
use latchkey_validator::check_pattern;
use latchkey_validator::permissions::check_permission;
use serde::{Deserialize, Serialize};

use super::FieldErrors;

/// Above it a price says nothing.
const MAX_COST: u64 = 1_000_000_000;
const DEFAULT_SIGNATURE_AGE_SECONDS: u32 = 300;

/// One route as a caller gives it.
#[derive(Clone, Debug, Default)]
pub struct RouteDocument {
    /// `GET`, …, or `*` for any.
    pub method: Option<String>,
    /// Such as `/items/{id}` or `/public/*`.
    pub path: Option<String>,
    /// Absent: any valid key passes.
    pub permission: Option<String>,
    /// Absent: test and live keys.
    pub environment: Option<String>,
    /// By name of the constraint, where a request says which value it is about.
    pub constraints: Vec<(String, SourceDocument)>,
    /// Credits that a request costs, by unit.
    pub cost: Vec<(Option<String>, Option<u64>)>,
    /// How much a request counts in rate limits.
    pub rate_cost: Option<u64>,
    /// What a signature has to look like.
    pub signature: Option<SignatureDocument>,
    /// Which credential the upstream gets.
    pub upstream_credential: Option<String>,
}

/// Where a request says which value it is about, as a caller gives it.
#[derive(Clone, Debug, Default)]
pub struct SourceDocument {
    /// `path`, `header` or `query`.
    pub place: Option<String>,
    /// Of the parameter or header; default: that of the constraint.
    pub name: Option<String>,
}

/// What a signature has to look like, as a caller gives it.
#[derive(Clone, Debug, Default)]
pub struct SignatureDocument {
    /// Default true.
    pub required: Option<bool>,
    /// Default false.
    pub nonce: Option<bool>,
    /// Default 300.
    pub max_age_seconds: Option<u64>,
    /// Default none.
    pub components: Option<Vec<String>>,
}

/// One route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Upper case, or `*`.
    pub method: String,
    /// The pattern.
    pub path: String,
    /// What a key needs, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Which keys pass, if not all.
    #[serde(with = "environment_text", default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// By name of the constraint, where a request says which value it is about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constraints: BTreeMap<String, Source>,
    /// Credits that a request of a key with credits costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cost: Vec<Cost>,
    /// How much a request counts in rate limits, if not 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_cost: Option<u32>,
    /// What a signature has to look like, if not as everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Which credential the upstream gets; may hold `{constraint}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_credential: Option<String>,
}

/// Where a request says which value it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// In which part.
    #[serde(rename = "in")]
    pub place: Place,
    /// Of the parameter or header.
    pub name: String,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A parameter of the route's path.
    Path,
    /// A header.
    Header,
    /// A query parameter.
    Query,
}

/// What a request costs of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Of what.
    pub unit: String,
    /// How much.
    pub amount: u32,
}

/// What a signature has to look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Whether every request has to have one.
    pub required: bool,
    /// Whether it must have a nonce that was not used before.
    pub nonce: bool,
    /// How old it may be.
    pub max_age_seconds: u32,
    /// What it must cover beyond the minimum.
    pub components: Vec<String>,
}

impl RouteDocument {
    /// Checks every field of the route at place `at` of its policy.
    pub(super) fn check(self, at: usize, errors: &mut FieldErrors) -> Route {
        let field = |name: &str| format!("/routes/{at}/{name}");
        let method = self.method.unwrap_or_else(|| "*".to_owned());
        errors.check(field("method"), check_method(&method));
        let path = errors.required(&field("path"), self.path).unwrap_or_default();
        if !errors.names(&field("path")) {
            errors.check(field("path"), check_pattern(&path));
        }
        if let Some(permission) = &self.permission {
            errors.check(field("permission"), check_permission(permission));
        }
        let environment = self.environment.and_then(|text| errors.check(field("environment"), text.parse()));
        let constraints = check_sources(self.constraints, &path, &field("constraints"), errors);
        if let Some(template) = &self.upstream_credential {
            errors.check(field("upstream_credential"), check_template(template, &constraints));
        }
        Route {
            method,
            path,
            permission: self.permission,
            environment,
            constraints,
            cost: check_cost(self.cost, &field("cost"), errors),
            rate_cost: check_rate_cost(self.rate_cost, &field("rate_cost"), errors),
            signature: self.signature.map(|signature| signature.check(&field("signature"), errors)),
            upstream_credential: self.upstream_credential,
        }
    }
}

fn check_method(method: &str) -> Result<(), &'static str> {
    let upper = (1..=16).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if upper || method == "*" { Ok(()) } else { Err("must be a method in upper case, or * for any") }
}

fn check_sources(
    sources: Vec<(String, SourceDocument)>,
    path: &str,
    field: &str,
    errors: &mut FieldErrors,
) -> BTreeMap<String, Source> {
    if sources.len() > limits::ROUTE_CONSTRAINTS {
        errors.add(field, format!("must have at most {} names", limits::ROUTE_CONSTRAINTS));
        return BTreeMap::new();
    }
    let mut checked = BTreeMap::new();
    for (constraint, source) in sources {
        // A name that does not fit is not repeated: anything may stand there.
        if !is_constraint_name(&constraint) {
            let wanted = "a small letter and up to 31 more small letters, digits or _";
            errors.add(field, format!("has a name that does not fit: each must be {wanted}"));
            continue;
        }
        let field = format!("{field}/{constraint}");
        let name = source.name.unwrap_or_else(|| constraint.clone());
        let place = errors.required(&format!("{field}/in"), source.place);
        let place = place.and_then(|place| errors.check(format!("{field}/in"), Place::parse(&place)));
        let Some(place) = place else { continue };
        errors.check(format!("{field}/name"), place.check_name(&name, path));
        checked.insert(constraint, Source { place, name });
    }
    checked
}

impl Place {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "path" => Ok(Self::Path),
            "header" => Ok(Self::Header),
            "query" => Ok(Self::Query),
            _ => Err("must be path, header or query"),
        }
    }

    fn check_name(self, name: &str, path: &str) -> Result<(), String> {
        if !(1..=limits::SOURCE_NAME_BYTES).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(format!(
                "must have 1 to {} bytes and no control characters",
                limits::SOURCE_NAME_BYTES
            ));
        }
        match self {
            Self::Path if !parameters(path).any(|parameter| parameter == name) => {
                Err("must be a parameter of the route's path".to_owned())
            }
            Self::Header if !is_header_name(name) => Err("must be a header's name in lower case".to_owned()),
            _ => Ok(()),
        }
    }
}

fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn check_cost(costs: Vec<(Option<String>, Option<u64>)>, field: &str, errors: &mut FieldErrors) -> Vec<Cost> {
    if costs.len() > limits::CREDIT_UNITS {
        errors.add(field, format!("must have at most {} entries", limits::CREDIT_UNITS));
        return Vec::new();
    }
    let mut checked: Vec<Cost> = Vec::with_capacity(costs.len());
    for (at, (unit, amount)) in costs.into_iter().enumerate() {
        let field = |name: &str| format!("{field}/{at}/{name}");
        let unit = errors.required(&field("unit"), unit);
        let amount = errors.required(&field("amount"), amount);
        if unit.as_deref().is_some_and(|unit| !is_unit_name(unit)) {
            let wanted =
                "must be a small letter and up to 31 more small letters, digits or characters of _.-";
            errors.add(field("unit"), wanted);
        }
        if amount.is_some_and(|amount| !(1..=MAX_COST).contains(&amount)) {
            errors.add(field("amount"), format!("must be 1 to {MAX_COST}"));
        }
        let amount = amount.and_then(|amount| u32::try_from(amount).ok());
        let (Some(unit), Some(amount)) = (unit, amount) else { continue };
        if checked.iter().any(|other| other.unit == unit) {
            errors.add(field("unit"), "stands in the list twice");
        }
        checked.push(Cost { unit, amount });
    }
    checked
}

fn check_rate_cost(cost: Option<u64>, field: &str, errors: &mut FieldErrors) -> Option<u32> {
    let cost = cost?;
    if cost > MAX_COST {
        errors.add(field, format!("must be 0 to {MAX_COST}"));
    }
    u32::try_from(cost).ok()
}

impl SignatureDocument {
    fn check(self, field: &str, errors: &mut FieldErrors) -> Signature {
        let max_age = self.max_age_seconds.unwrap_or(DEFAULT_SIGNATURE_AGE_SECONDS.into());
        let fits = (1..=u64::from(limits::SIGNATURE_AGE_SECONDS)).contains(&max_age);
        if !fits {
            let most = limits::SIGNATURE_AGE_SECONDS;
            errors.add(format!("{field}/max_age_seconds"), format!("must be 1 to {most}"));
        }
        let components = self.components.unwrap_or_default();
        if components.len() > limits::SIGNATURE_COMPONENTS {
            let message = format!("must have at most {} entries", limits::SIGNATURE_COMPONENTS);
            errors.add(format!("{field}/components"), message);
        }
        for (at, component) in components.iter().enumerate() {
            let field = format!("{field}/components/{at}");
            errors.check(field.as_str(), check_component(component));
            if components[..at].contains(component) {
                errors.add(field, "stands in the list twice");
            }
        }
        Signature {
            required: self.required.unwrap_or(true),
            nonce: self.nonce.unwrap_or(false),
            max_age_seconds: if fits { max_age as u32 } else { DEFAULT_SIGNATURE_AGE_SECONDS },
            components,
        }
    }
}

/// A header's name, or one of the parts of a request that RFC 9421 section 2.2 names. No request could be signed as a route wants that asks for
/// anything else.
fn check_component(component: &str) -> Result<(), &'static str> {
    if component.len() <= limits::COMPONENT_BYTES && latchkey_signature::can_be_asked_for(component) {
        Ok(())
    } else {
        Err("must be a header's name in lower case, or a derived component such as @query")
    }
}

/// `blockfrost-{network}`: what is in braces is a constraint that the route reads.
fn check_template(template: &str, constraints: &BTreeMap<String, Source>) -> Result<(), String> {
    if template.len() > limits::TEMPLATE_BYTES {
        return Err(format!("must have at most {} bytes", limits::TEMPLATE_BYTES));
    }
    // The name that comes out for a value of one letter.
    let mut fixed = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("has a brace that is not closed")?;
        if !constraints.contains_key(name) {
            return Err("has a name in braces that is not one of the route's constraints".to_owned());
        }
        fixed.push_str(before);
        fixed.push('x');
        rest = after;
    }
    fixed.push_str(rest);
    if is_credential_name(&fixed) {
        Ok(())
    } else {
        Err("must be a credential's name, 1 to 64 letters, digits, _, . and -, with constraints in braces"
            .to_owned())
    }
}

impl Route {
    /// The route in the form in which gates get it.
    pub(super) fn published(&self) -> snapshot::Route {
        snapshot::Route {
            method: self.method.clone(),
            path: self.path.clone(),
            permission: self.permission.clone(),
            environment: match self.environment {
                None => snapshot::Environment::Any,
                Some(Environment::Test) => snapshot::Environment::Test,
                Some(Environment::Live) => snapshot::Environment::Live,
            },
            constraints: self
                .constraints
                .iter()
                .map(|(name, from)| (name.clone(), from.published()))
                .collect(),
            cost: self.cost.iter().map(|cost| (cost.unit.clone(), cost.amount)).collect(),
            rate_cost: self.rate_cost.unwrap_or(snapshot::DEFAULT_RATE_COST),
            signature: self.signature.as_ref().map(|signature| snapshot::RouteSignature {
                required: signature.required,
                nonce: signature.nonce,
                max_age_seconds: signature.max_age_seconds,
                components: signature.components.clone(),
            }),
            upstream_credential: self.upstream_credential.clone(),
            unknown_restriction: false,
        }
    }
}

impl Source {
    fn published(&self) -> snapshot::ConstraintSource {
        let name = self.name.clone();
        match self.place {
            Place::Path => snapshot::ConstraintSource::Path(name),
            Place::Header => snapshot::ConstraintSource::Header(name),
            Place::Query => snapshot::ConstraintSource::Query(name),
        }
    }
}

/// The token crate knows no serde.
mod environment_text {
    use latchkey_token::Environment;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Environment>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(environment) => serializer.serialize_str(environment.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Environment>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
