//! A policy made ready for deciding: routes as a tree, and for each role a set of the permissions that it grants.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use latchkey_snapshot::{
    DefaultAccess, Environment, OnExpired, Policy, ProfileView, Role, Route, VerifiedPolicy,
};

use crate::path::CanonicalPath;
use crate::pattern::PatternError;
use crate::permissions::{PermissionError, check_grant, check_permission, covers};
use crate::routes::RouteTree;

/// A compiled policy. Made once for each policy, not for each request.
#[derive(Debug)]
pub struct Rules {
    /// Of the policy that was compiled.
    sha256: [u8; 32],
    table: Table,
}

#[derive(Debug)]
struct Table {
    tree: RouteTree,
    routes: Vec<Demands>,
    permissions: Vec<String>,
    /// Ascending by number.
    roles: Vec<RoleGrants>,
    default: DefaultAccess,
    on_expired: OnExpired,
}

/// What a route asks of a key.
#[derive(Debug)]
pub(crate) struct Demands {
    /// Index into the policy's permissions.
    permission: Option<u16>,
    pub(crate) environment: Environment,
    pub(crate) unknown_restriction: bool,
}

#[derive(Debug)]
struct RoleGrants {
    number: u16,
    /// One bit for each of the policy's permissions.
    covered: Vec<u64>,
}

/// What a request matched.
pub(crate) enum Matched<'a> {
    Route(u16, &'a Demands),
    /// No route, and the policy lets any valid key pass.
    Default,
}

impl Rules {
    /// Compiles a policy. A gate does this before it adopts a snapshot with another policy than it had.
    ///
    /// # Errors
    /// As [`check_policy`].
    pub fn compile(policy: &VerifiedPolicy) -> Result<Self, RuleError> {
        Ok(Self { sha256: policy.sha256(), table: Table::compile(policy.policy())? })
    }

    pub(crate) fn are_of(&self, policy: &VerifiedPolicy) -> bool {
        self.sha256 == policy.sha256()
    }

    pub(crate) fn on_expired(&self) -> OnExpired {
        self.table.on_expired
    }

    /// What the policy says of a request; `None` denies it. A path that is not canonical matches nothing, whatever the default is.
    pub(crate) fn find(&self, method: &str, target: &[u8]) -> Option<Matched<'_>> {
        let path = CanonicalPath::new(target)?;
        match (self.table.tree.find(method, path), self.table.default) {
            (Some(index), _) => Some(Matched::Route(index, self.table.routes.get(usize::from(index))?)),
            (None, DefaultAccess::AllowAnyKey) => Some(Matched::Default),
            (None, DefaultAccess::Deny) => None,
        }
    }

    /// Whether a key with this profile has the permission that a route asks for.
    pub(crate) fn permits(&self, profile: &ProfileView<'_>, demands: &Demands) -> bool {
        let Some(index) = demands.permission.map(usize::from) else { return true };
        let by_role =
            profile.roles().any(|number| self.table.role(number).is_some_and(|role| role.covers(index)));
        let wanted = self.table.permissions.get(index);
        by_role || wanted.is_some_and(|wanted| profile.grants().any(|grant| covers(grant, wanted)))
    }
}

/// Checks that a policy can be enforced. The control plane asks before it accepts one.
///
/// # Errors
/// The first route or role that breaks a rule of spec/decision.md section 3 or 4.
pub fn check_policy(policy: &Policy) -> Result<(), RuleError> {
    Table::compile(policy).map(|_| ())
}

impl Table {
    fn compile(policy: &Policy) -> Result<Self, RuleError> {
        let permissions = policy.permissions();
        let mut tree = RouteTree::new();
        let mut routes = Vec::with_capacity(policy.routes.len());
        for (position, route) in policy.routes.iter().enumerate() {
            let demands = add_route(&mut tree, &permissions, position, route);
            routes.push(demands.map_err(|fault| RuleError::Route { position, fault })?);
        }
        let roles = policy.roles.iter().map(|role| compile_role(&permissions, role));
        let mut roles = roles.collect::<Result<Vec<_>, _>>()?;
        roles.sort_unstable_by_key(|role| role.number);
        let permissions = permissions.into_iter().map(String::from).collect();
        Ok(Self { tree, routes, permissions, roles, default: policy.default, on_expired: policy.on_expired })
    }

    /// A number that the policy does not define grants nothing.
    fn role(&self, number: u16) -> Option<&RoleGrants> {
        let at = self.roles.binary_search_by_key(&number, |role| role.number).ok()?;
        self.roles.get(at)
    }
}

impl RoleGrants {
    fn covers(&self, permission: usize) -> bool {
        self.covered.get(permission / 64).is_some_and(|word| word >> (permission % 64) & 1 == 1)
    }
}

fn add_route(
    tree: &mut RouteTree,
    permissions: &[&str],
    position: usize,
    route: &Route,
) -> Result<Demands, RouteFault> {
    let index = u16::try_from(position).map_err(|_| RouteFault::TooMany)?;
    tree.insert(&route.method, &route.path, index)?;
    if let Some(permission) = &route.permission {
        check_permission(permission).map_err(RouteFault::Permission)?;
    }
    // A permission that is not in the list gets a number that no key is granted: doubt must not read as "none required".
    let number = |name: &str| permissions.binary_search(&name).map_or(u16::MAX, |index| index as u16);
    Ok(Demands {
        permission: route.permission.as_deref().map(number),
        environment: route.environment,
        // What the format has and this build does not enforce yet is as good as unknown.
        unknown_restriction: route.unknown_restriction
            || Route {
                constraints: route.constraints.clone(),
                cost: route.cost.clone(),
                rate_cost: route.rate_cost,
                signature: route.signature.clone(),
                upstream_credential: route.upstream_credential.clone(),
                ..Route::default()
            } != Route::default(),
    })
}

fn compile_role(permissions: &[&str], role: &Role) -> Result<RoleGrants, RuleError> {
    for grant in &role.grants {
        check_grant(grant).map_err(|error| RuleError::Role {
            number: role.number,
            grant: grant.clone(),
            error,
        })?;
    }
    let mut covered = vec![0; permissions.len().div_ceil(64)];
    for (index, permission) in permissions.iter().enumerate() {
        if role.grants.iter().any(|grant| covers(grant, permission)) {
            covered[index / 64] |= 1 << (index % 64);
        }
    }
    Ok(RoleGrants { number: role.number, covered })
}

/// Why a policy cannot be enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// A route is faulty.
    Route {
        /// Position in the policy's list, from 0.
        position: usize,
        /// What is wrong with it.
        fault: RouteFault,
    },
    /// A role grants something that is no permission pattern.
    Role {
        /// The role's number.
        number: u16,
        /// The faulty grant.
        grant: String,
        /// What is wrong with it.
        error: PermissionError,
    },
}

/// What is wrong with a route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteFault {
    /// Neither `*` nor 1 to 16 upper-case letters.
    Method(String),
    /// The path is no pattern.
    Pattern(PatternError),
    /// The required permission is no permission.
    Permission(PermissionError),
    /// An earlier route has the same method and the same pattern up to the names of parameters: this one could never match.
    Repeats {
        /// Position of the earlier route.
        first: u16,
    },
    /// More routes than positions.
    TooMany,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { position, fault } => write!(f, "route {position}: {fault}"),
            Self::Role { number, grant, error } => write!(f, "role {number}, grant {grant:?}: {error}"),
        }
    }
}

impl core::error::Error for RuleError {}

impl fmt::Display for RouteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(method) => {
                write!(f, "{method:?} is no method; write it in upper case, or * for any")
            }
            Self::Pattern(error) => error.fmt(f),
            Self::Permission(error) => error.fmt(f),
            Self::Repeats { first } => {
                write!(f, "matches the same requests as route {first}, so it is never reached")
            }
            Self::TooMany => f.write_str("there are too many routes"),
        }
    }
}
