//! What roles and permissions come to together, and what that opens: for people who look before they save.

use latchkey_token::Environment;
use latchkey_validator::permissions::covers;
use serde::Serialize;

use super::PolicyState;
use super::route::Route;

/// A permission pattern and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The pattern.
    pub grant: String,
    /// `key` for the key's own permissions, else `role` and its name.
    pub granted_by: Vec<String>,
}

/// What a route would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteAccess<'a> {
    /// The route.
    pub route: &'a Route,
    /// Whether a key that has the grants passes.
    pub allowed: bool,
    /// The patterns that open it; none if it asks for no permission.
    pub granted_by: Vec<String>,
}

/// The grants of a key with these permissions and roles, each once. Names that are no roles grant nothing.
pub fn grants(policy: &PolicyState, permissions: &[String], roles: &[String]) -> Vec<Grant> {
    let own = permissions.iter().map(|grant| (grant, "key".to_owned()));
    let held = policy.roles.iter().filter(|role| roles.contains(&role.name));
    let of_roles =
        held.flat_map(|role| role.grants.iter().map(|grant| (grant, format!("role {}", role.name))));
    let mut grants: Vec<Grant> = Vec::new();
    for (grant, origin) in own.chain(of_roles) {
        match grants.iter_mut().find(|known| known.grant == *grant) {
            Some(known) => known.granted_by.push(origin),
            None => grants.push(Grant { grant: grant.clone(), granted_by: vec![origin] }),
        }
    }
    grants
}

/// What the policy's routes say to a key with these grants, of one environment or, if absent, of either.
pub fn routes<'a>(
    policy: &'a PolicyState,
    grants: &[Grant],
    environment: Option<Environment>,
) -> Vec<RouteAccess<'a>> {
    let routes = policy.policy.routes.iter();
    routes
        .map(|route| {
            let wanted = route.permission.as_deref();
            let opened_by = |grant: &&Grant| wanted.is_some_and(|wanted| covers(&grant.grant, wanted));
            let granted_by: Vec<_> =
                grants.iter().filter(opened_by).map(|grant| grant.grant.clone()).collect();
            let serves =
                route.environment.is_none() || environment.is_none() || route.environment == environment;
            RouteAccess { route, allowed: serves && (wanted.is_none() || !granted_by.is_empty()), granted_by }
        })
        .collect()
}
