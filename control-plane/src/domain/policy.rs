//! A keyspace's policy: which route needs which permission, and what the roles grant.

use std::collections::BTreeMap;

use latchkey_snapshot as snapshot;
use latchkey_token::Environment;
use latchkey_validator::permissions::{check_grant, check_permission};
use latchkey_validator::{RuleError, check_pattern, check_policy};
use serde::{Deserialize, Serialize};

use super::{FieldErrors, KeyspaceId, OnExpired, Timestamp, text};

const MAX_ROUTES: usize = 512;
const MAX_ROLES: usize = 256;
const MAX_ROLE_GRANTS: usize = 256;
/// Role names that a keyspace can use in its life: snapshots hold numbers of 16 bits, and a number is never used again.
const MAX_ROLE_NUMBERS: usize = 16_384;

/// What a route that nothing matches gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultAccess {
    /// Nobody passes.
    #[default]
    Deny,
    /// Any valid key passes.
    Allow,
}

/// What a caller sends as a policy.
#[derive(Clone, Debug, Default)]
pub struct PolicyDocument {
    /// Default `deny`.
    pub default: Option<String>,
    /// First match wins.
    pub routes: Vec<RouteDocument>,
    /// Named sets of permissions.
    pub roles: Vec<RoleDocument>,
}

/// One route of a [`PolicyDocument`].
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
}

/// One role of a [`PolicyDocument`].
#[derive(Clone, Debug, Default)]
pub struct RoleDocument {
    /// Its name.
    pub name: Option<String>,
    /// Permission patterns.
    pub grants: Vec<String>,
}

/// A checked policy. Its JSON is what the API shows and what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// What a route that nothing matches gets.
    pub default: DefaultAccess,
    /// First match wins.
    pub routes: Vec<Route>,
    /// Named sets of permissions.
    pub roles: Vec<Role>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Upper case, or `*`.
    pub method: String,
    /// The pattern.
    pub path: String,
    /// What a key needs, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Which keys pass, if not all.
    #[serde(with = "environment_text", default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
}

/// One role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Permission patterns.
    pub grants: Vec<String>,
}

/// A policy and the numbers by which snapshots refer to its roles.
///
/// A name keeps its number for ever, also after the role is gone: a profile in an old base must never mean another role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyState {
    /// Whose policy.
    pub keyspace_id: KeyspaceId,
    /// The policy.
    pub policy: Policy,
    /// Every role name that was ever used.
    pub role_numbers: BTreeMap<String, u16>,
    /// When it was last replaced.
    pub updated_at: Timestamp,
}

impl PolicyDocument {
    /// Checks every field. `errors` holds what was wrong before this point.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(self, mut errors: FieldErrors) -> Result<Policy, FieldErrors> {
        let default = match self.default.as_deref() {
            None | Some("deny") => DefaultAccess::Deny,
            Some("allow") => DefaultAccess::Allow,
            Some(_) => {
                errors.add("/default", "must be deny or allow");
                DefaultAccess::Deny
            }
        };
        for (field, length, limit) in
            [("/routes", self.routes.len(), MAX_ROUTES), ("/roles", self.roles.len(), MAX_ROLES)]
        {
            if length > limit {
                errors.add(field, format!("must have at most {limit} entries"));
                return Err(errors);
            }
        }
        let routes =
            self.routes.into_iter().enumerate().map(|(at, route)| route.check(at, &mut errors)).collect();
        let roles: Vec<_> =
            self.roles.into_iter().enumerate().map(|(at, role)| role.check(at, &mut errors)).collect();
        for (at, role) in roles.iter().enumerate() {
            if !role.name.is_empty() && roles[..at].iter().any(|other: &Role| other.name == role.name) {
                errors.add(format!("/roles/{at}/name"), "stands in the list twice");
            }
        }
        errors.into_result().map(|()| Policy { default, routes, roles })
    }
}

impl RouteDocument {
    fn check(self, at: usize, errors: &mut FieldErrors) -> Route {
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
        Route { method, path, permission: self.permission, environment }
    }
}

impl RoleDocument {
    fn check(self, at: usize, errors: &mut FieldErrors) -> Role {
        let field = format!("/roles/{at}/name");
        let name = errors.required(&field, self.name).and_then(|name| errors.check(field, text::name(name)));
        let name = name.unwrap_or_default();
        if self.grants.len() > MAX_ROLE_GRANTS {
            errors.add(format!("/roles/{at}/grants"), format!("must have at most {MAX_ROLE_GRANTS} entries"));
        }
        for (index, grant) in self.grants.iter().enumerate() {
            let field = format!("/roles/{at}/grants/{index}");
            errors.check(field.as_str(), check_grant(grant));
            if self.grants[..index].contains(grant) {
                errors.add(field, "stands in the list twice");
            }
        }
        Role { name, grants: self.grants }
    }
}

impl PolicyState {
    /// The policy of a new keyspace: deny everything.
    pub fn new(keyspace_id: KeyspaceId, at: Timestamp) -> Self {
        Self { keyspace_id, policy: Policy::default(), role_numbers: BTreeMap::new(), updated_at: at }
    }

    /// Puts another policy in place and gives numbers to names that are new.
    ///
    /// # Errors
    /// The policy cannot be published as it is, or the keyspace has used up its role names.
    pub fn replace(&mut self, policy: Policy, at: Timestamp) -> Result<(), FieldErrors> {
        for role in &policy.roles {
            let next = self.role_numbers.len() + 1;
            if !self.role_numbers.contains_key(&role.name) {
                if next > MAX_ROLE_NUMBERS {
                    let mut errors = FieldErrors::default();
                    errors.add(
                        "/roles",
                        format!("hold a new name, but the keyspace has used all {MAX_ROLE_NUMBERS}"),
                    );
                    return Err(errors);
                }
                self.role_numbers.insert(role.name.clone(), next as u16);
            }
        }
        (self.policy, self.updated_at) = (policy, at);
        self.check_publishable()
    }

    /// The policy in the form in which gates get it. `on_expired` is a setting of the keyspace.
    pub fn published(&self, on_expired: OnExpired) -> snapshot::Policy {
        snapshot::Policy {
            default: match self.policy.default {
                DefaultAccess::Deny => snapshot::DefaultAccess::Deny,
                DefaultAccess::Allow => snapshot::DefaultAccess::AllowAnyKey,
            },
            on_expired: match on_expired {
                OnExpired::Deny => snapshot::OnExpired::Deny,
                OnExpired::Allow => snapshot::OnExpired::DecideFromExpired,
            },
            // Keys are only made here, none are imported.
            tokens: snapshot::TokenShapes::OnlyLatchkey,
            roles: self.policy.roles.iter().filter_map(|role| self.published_role(role)).collect(),
            routes: self.policy.routes.iter().map(published_route).collect(),
        }
    }

    fn published_role(&self, role: &Role) -> Option<snapshot::Role> {
        let number = *self.role_numbers.get(&role.name)?;
        Some(snapshot::Role { number, grants: role.grants.clone() })
    }

    /// Asks the gate's own code, so that no policy is accepted here that a gate would refuse.
    fn check_publishable(&self) -> Result<(), FieldErrors> {
        let published = self.published(OnExpired::Deny);
        let mut errors = FieldErrors::default();
        match check_policy(&published) {
            Err(RuleError::Route { position, fault }) => {
                errors.add(format!("/routes/{position}"), fault.to_string())
            }
            Err(fault) => errors.add("/roles", fault.to_string()),
            Ok(()) => {}
        }
        if let Err(refusal) = published.encode(self.keyspace_id.0) {
            errors.add("", format!("the policy as a whole {}", refusal.message()));
        }
        errors.into_result()
    }

    /// Notes every role that the policy does not define.
    pub fn check_roles(&self, roles: &[String], errors: &mut FieldErrors) {
        for (at, name) in roles.iter().enumerate() {
            if !self.policy.roles.iter().any(|role| role.name == *name) {
                errors.add(format!("/roles/{at}"), "is not a role of the keyspace's policy");
            }
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

fn published_route(route: &Route) -> snapshot::Route {
    snapshot::Route {
        method: route.method.clone(),
        path: route.path.clone(),
        permission: route.permission.clone(),
        environment: match route.environment {
            None => snapshot::Environment::Any,
            Some(Environment::Test) => snapshot::Environment::Test,
            Some(Environment::Live) => snapshot::Environment::Live,
        },
        unknown_restriction: false,
    }
}

fn check_method(method: &str) -> Result<(), &'static str> {
    let upper = (1..=16).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if upper || method == "*" { Ok(()) } else { Err("must be a method in upper case, or * for any") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_an_earlier_one_shadows_is_named() {
        let mut state = PolicyState::new(KeyspaceId(1), Timestamp(0));
        let route = |path: &str| Route {
            method: "GET".into(),
            path: path.into(),
            permission: None,
            environment: None,
        };
        let policy = Policy { routes: vec![route("/a/{x}"), route("/a/{y}")], ..Default::default() };
        let errors = state.replace(policy, Timestamp(1)).unwrap_err();
        assert_eq!(errors.iter().next().unwrap().field, "/routes/1");
    }

    fn role(name: &str) -> Role {
        Role { name: name.to_owned(), grants: vec![] }
    }

    #[test]
    fn a_role_keeps_its_number_and_no_number_is_used_again() {
        let mut state = PolicyState::new(KeyspaceId(1), Timestamp(0));
        let with = |names: &[&str]| Policy {
            roles: names.iter().map(|name| role(name)).collect(),
            ..Default::default()
        };
        state.replace(with(&["reader", "writer"]), Timestamp(1)).unwrap();
        state.replace(with(&["auditor"]), Timestamp(2)).unwrap();
        state.replace(with(&["writer", "reader"]), Timestamp(3)).unwrap();
        let numbers: Vec<_> =
            state.role_numbers.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        assert_eq!(numbers, [("auditor", 3), ("reader", 1), ("writer", 2)]);
    }

    #[test]
    fn every_wrong_route_is_named() {
        let route = |method: &str, path: &str| RouteDocument {
            method: Some(method.into()),
            path: Some(path.into()),
            permission: None,
            environment: None,
        };
        let document = PolicyDocument {
            routes: vec![
                route("GET", "/items/{id}"),
                route("get", "/"),
                route("*", "items"),
                route("*", "/a/*/b"),
                route("*", "/a//b"),
                route("*", "/a/{}"),
                route("*", "/a/../b"),
                route("*", "/public/*"),
                route("*", "/q?x"),
            ],
            ..Default::default()
        };
        let errors = document.check(FieldErrors::default()).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "/routes/1/method",
                "/routes/2/path",
                "/routes/3/path",
                "/routes/4/path",
                "/routes/5/path",
                "/routes/6/path",
                "/routes/8/path"
            ]
        );
    }
}
