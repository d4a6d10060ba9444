//! A keyspace's policy: which route needs which permission. It travels to the gates together with the roles.

use std::collections::BTreeMap;

use latchkey_snapshot as snapshot;
use latchkey_validator::{RuleError, check_policy};
use serde::{Deserialize, Serialize};

use super::role::Role;
use super::route::{Route, RouteDocument};
use super::{FieldErrors, KeyspaceId, OnExpired, Timestamp, UpstreamCredential};

const MAX_ROUTES: usize = 512;

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
    /// In any order: the most specific match wins (spec/decision.md section 3.3).
    pub routes: Vec<RouteDocument>,
}

/// A checked policy. Its JSON is what the API shows and what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// What a route that nothing matches gets.
    pub default: DefaultAccess,
    /// In any order: the most specific match wins (spec/decision.md section 3.3).
    pub routes: Vec<Route>,
}

/// A policy with the roles of its keyspace: what gates get together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyState {
    /// Whose policy.
    pub keyspace_id: KeyspaceId,
    /// The policy.
    pub policy: Policy,
    /// In the order of their numbers.
    pub roles: Vec<Role>,
    /// Those of the keyspace.
    pub upstream_credentials: Vec<UpstreamCredential>,
    /// When the policy was last replaced.
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
        if self.routes.len() > MAX_ROUTES {
            errors.add("/routes", format!("must have at most {MAX_ROUTES} entries"));
            return Err(errors);
        }
        let routes =
            self.routes.into_iter().enumerate().map(|(at, route)| route.check(at, &mut errors)).collect();
        errors.into_result().map(|()| Policy { default, routes })
    }
}

impl PolicyState {
    /// The policy of a new keyspace: deny everything.
    pub fn new(keyspace_id: KeyspaceId, at: Timestamp) -> Self {
        Self {
            keyspace_id,
            policy: Policy::default(),
            roles: Vec::new(),
            upstream_credentials: Vec::new(),
            updated_at: at,
        }
    }

    /// Puts another policy in place.
    ///
    /// # Errors
    /// The policy cannot be published as it is.
    pub fn replace(&mut self, policy: Policy, at: Timestamp) -> Result<(), FieldErrors> {
        (self.policy, self.updated_at) = (policy, at);
        self.check_publishable()
    }

    /// The numbers by which snapshots refer to the roles.
    pub fn role_numbers(&self) -> BTreeMap<String, u16> {
        self.roles.iter().map(|role| (role.name.clone(), role.number)).collect()
    }

    /// The policy in the form in which gates get it, but for the values of upstream credentials: only their places are there.
    /// `on_expired` is a setting of the keyspace.
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
            roles: self.roles.iter().map(published_role).collect(),
            routes: self.policy.routes.iter().map(Route::published).collect(),
            upstream_credentials: self.upstream_credentials.iter().map(UpstreamCredential::outline).collect(),
        }
    }

    /// Asks the gate's own code, so that no policy is accepted here that a gate would refuse.
    ///
    /// # Errors
    /// What is wrong, with the place in the policy where it has one.
    pub fn check_publishable(&self) -> Result<(), FieldErrors> {
        let published = self.published(OnExpired::Deny);
        let mut errors = FieldErrors::default();
        match check_policy(&published) {
            Err(RuleError::Route { position, fault }) => {
                errors.add(format!("/routes/{position}"), fault.to_string())
            }
            Err(fault) => {
                errors.add("", format!("the policy with its roles and upstream credentials: {fault}"))
            }
            Ok(()) => {}
        }
        if let Err(refusal) = published.encode(self.keyspace_id.0) {
            errors
                .add("", format!("the policy with its roles and upstream credentials {}", refusal.message()));
        }
        errors.into_result()
    }

    /// Notes every name that is none of the keyspace's roles.
    pub fn check_roles(&self, roles: &[String], errors: &mut FieldErrors) {
        for (at, name) in roles.iter().enumerate() {
            if !self.roles.iter().any(|role| role.name == *name) {
                errors.add(format!("/roles/{at}"), "is not a role of the keyspace");
            }
        }
    }
}

fn published_role(role: &Role) -> snapshot::Role {
    snapshot::Role { number: role.number, grants: role.grants.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_an_earlier_one_shadows_is_named() {
        let mut state = PolicyState::new(KeyspaceId(1), Timestamp(0));
        let route = |path: &str| Route { method: "GET".into(), path: path.into(), ..Route::default() };
        let policy = Policy { routes: vec![route("/a/{x}"), route("/a/{y}")], ..Default::default() };
        let errors = state.replace(policy, Timestamp(1)).unwrap_err();
        assert_eq!(errors.iter().next().unwrap().field, "/routes/1");
    }

    #[test]
    fn every_wrong_route_is_named() {
        let route = |method: &str, path: &str| RouteDocument {
            method: Some(method.into()),
            path: Some(path.into()),
            ..RouteDocument::default()
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
