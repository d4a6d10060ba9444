//! A policy made ready for deciding: routes as a tree, and for each role a set of the permissions that it grants.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use latchkey_snapshot::{
    DEFAULT_RATE_COST, DefaultAccess, Environment, OnExpired, Policy, ProfileView, Role, Route,
    RouteSignature, VerifiedPolicy,
};

use crate::path::CanonicalPath;
use crate::pattern::PatternError;
use crate::permissions::{PermissionError, check_grant, check_permission, covers};
use crate::reads::{self, Read};
use crate::routes::RouteTree;
use crate::template::Template;

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
    routes: Vec<RouteRules>,
    /// That the routes read, in the order in which they are first read.
    headers: Vec<String>,
    permissions: Vec<String>,
    /// Ascending by number.
    roles: Vec<RoleGrants>,
    default: DefaultAccess,
    on_expired: OnExpired,
}

/// What a route asks of a key and a request.
#[derive(Debug)]
pub(crate) struct RouteRules {
    /// Index into the policy's permissions.
    permission: Option<u16>,
    pub(crate) environment: Environment,
    /// Ascending by name.
    pub(crate) reads: Vec<Read>,
    /// Ascending by unit.
    pub(crate) costs: Vec<(String, u32)>,
    pub(crate) rate_cost: u32,
    pub(crate) signature: Option<RouteSignature>,
    pub(crate) upstream_credential: Option<Template>,
    pub(crate) unknown_restriction: bool,
}

#[derive(Debug)]
struct RoleGrants {
    number: u16,
    /// One bit for each of the policy's permissions.
    covered: Vec<u64>,
}

/// What a request matched.
#[derive(Clone, Copy)]
pub(crate) struct Matched<'r, 'a> {
    pub(crate) path: CanonicalPath<'a>,
    /// Position in the policy; `None` where no route matches, and the policy lets any valid key pass.
    pub(crate) route: Option<(u16, &'r RouteRules)>,
}

impl Matched<'_, '_> {
    pub(crate) fn rate_cost(&self) -> u32 {
        self.route.map_or(DEFAULT_RATE_COST, |(_, route)| route.rate_cost)
    }
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

    /// The headers, in lower case, that [`crate::RequestFacts::with_headers_in_order`] is about. At most 8.
    pub fn headers(&self) -> &[String] {
        &self.table.headers
    }

    /// Whether any route reads a parameter of the query. Otherwise a gate need not look at queries.
    pub fn reads_queries(&self) -> bool {
        self.table.routes.iter().any(|route| route.reads.iter().any(Read::is_query))
    }

    /// What the policy says of a request; `None` denies it. A path that is not canonical matches nothing, whatever the default is.
    pub(crate) fn find<'r, 'a>(&'r self, method: &str, target: &'a [u8]) -> Option<Matched<'r, 'a>> {
        let path = CanonicalPath::new(target)?;
        match (self.table.tree.find(method, path), self.table.default) {
            (Some(index), _) => {
                let route = self.table.routes.get(usize::from(index))?;
                Some(Matched { path, route: Some((index, route)) })
            }
            (None, DefaultAccess::AllowAnyKey) => Some(Matched { path, route: None }),
            (None, DefaultAccess::Deny) => None,
        }
    }

    /// Whether a key with this profile has the permission that a route asks for.
    pub(crate) fn permits(&self, profile: &ProfileView<'_>, route: &RouteRules) -> bool {
        let Some(index) = route.permission.map(usize::from) else { return true };
        let by_role =
            profile.roles().any(|number| self.table.role(number).is_some_and(|role| role.covers(index)));
        let wanted = self.table.permissions.get(index);
        by_role || wanted.is_some_and(|wanted| profile.grants().any(|grant| covers(grant, wanted)))
    }

    /// The permission that a route asks for.
    pub(crate) fn permission(&self, route: &RouteRules) -> Option<&str> {
        self.table.permissions.get(usize::from(route.permission?)).map(String::as_str)
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
        let mut headers = Vec::new();
        let mut routes = Vec::with_capacity(policy.routes.len());
        for (position, route) in policy.routes.iter().enumerate() {
            let rules = add_route(&mut tree, position, route)
                .and_then(|()| compile_route(route, &permissions, &mut headers));
            routes.push(rules.map_err(|fault| RuleError::Route { position, fault })?);
        }
        let roles = policy.roles.iter().map(|role| compile_role(&permissions, role));
        let mut roles = roles.collect::<Result<Vec<_>, _>>()?;
        roles.sort_unstable_by_key(|role| role.number);
        let permissions = permissions.into_iter().map(String::from).collect();
        let (default, on_expired) = (policy.default, policy.on_expired);
        Ok(Self { tree, routes, headers, permissions, roles, default, on_expired })
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

fn add_route(tree: &mut RouteTree, position: usize, route: &Route) -> Result<(), RouteFault> {
    let index = u16::try_from(position).map_err(|_| RouteFault::TooMany)?;
    tree.insert(&route.method, &route.path, index)
}

fn compile_route(
    route: &Route,
    permissions: &[&str],
    headers: &mut Vec<String>,
) -> Result<RouteRules, RouteFault> {
    if let Some(permission) = &route.permission {
        check_permission(permission).map_err(RouteFault::Permission)?;
    }
    // A permission that is not in the list gets a number that no key is granted: doubt must not read as "none required".
    let number = |name: &str| permissions.binary_search(&name).map_or(u16::MAX, |index| index as u16);
    let reads = reads::compile(route, headers)?;
    let template = route.upstream_credential.as_deref().map(|text| Template::compile(text, &reads));
    Ok(RouteRules {
        permission: route.permission.as_deref().map(number),
        environment: route.environment,
        upstream_credential: template.transpose()?,
        reads,
        costs: route.cost.iter().map(|(unit, amount)| (unit.clone(), *amount)).collect(),
        rate_cost: route.rate_cost,
        signature: route.signature.clone(),
        unknown_restriction: route.unknown_restriction,
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
    /// A constraint is read from a parameter that the pattern does not have.
    NoSuchParameter(String),
    /// A constraint is read from a header whose name is none, or not in lower case.
    Header(String),
    /// The routes of the policy read more than 8 different headers.
    TooManyHeaders,
    /// The name of the upstream credential is none, or refers to a constraint that the route does not read.
    Template(String),
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
            Self::NoSuchParameter(name) => {
                write!(f, "the path has no parameter {{{name}}} to read a constraint from")
            }
            Self::Header(name) => write!(f, "{name:?} is no header's name in lower case"),
            Self::TooManyHeaders => {
                f.write_str("all routes together may read constraints from at most 8 different headers")
            }
            Self::Template(text) => write!(
                f,
                "{text:?} is no name of an upstream credential: letters, digits, _ . - and {{constraint}} for constraints that the route reads"
            ),
        }
    }
}
