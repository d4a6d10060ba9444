//! Keys and a policy with everything that a decision can settle from memory, for benchmarks, and the request that passes.

use latchkey_snapshot::ip::IpRule;
use latchkey_snapshot::{ConstraintSource, Policy, Profile, Role, Route};

pub(crate) const METHOD: &str = "GET";
pub(crate) const TARGET: &str = "/v1/Mainnet/orders-37/1234?page=2&currency=EUR&limit=100";
pub(crate) const ADDRESS: &str = "203.0.113.77";
const ROUTES: u16 = 50;
const ROLES: u16 = 4;

/// 50 routes, each with a permission of its own that roles grant, a constraint in the path and one in the query.
pub(crate) fn policy() -> Policy {
    let route = |number: u16| Route {
        method: METHOD.into(),
        path: format!("/v1/{{network}}/orders-{number}/{{id}}"),
        permission: Some(format!("orders-{number}:read")),
        constraints: [
            ("currency".into(), ConstraintSource::Query("currency".into())),
            ("network".into(), ConstraintSource::Path("network".into())),
        ]
        .into(),
        ..Route::default()
    };
    let role = |number: u16| Role {
        number,
        grants: (0..ROUTES)
            .filter(|route| route % ROLES == number % ROLES)
            .map(|route| format!("orders-{route}:*"))
            .collect(),
    };
    Policy {
        routes: (0..ROUTES).map(route).collect(),
        roles: (1..=ROLES).map(role).collect(),
        ..Policy::default()
    }
}

/// A key with so many address rules (half of them IPv6), all roles, and two constraints.
pub(crate) fn profile(number: u64, rules: u32) -> Profile {
    let rule = |at: u32| {
        let net = match at % 2 {
            0 => format!("203.0.{}.0/28", at % 256),
            _ => format!("2001:db8:{at:x}::/48"),
        };
        IpRule { allow: at % 4 < 2, net: net.parse().expect("a network") }
    };
    let mut ip_rules: Vec<IpRule> = (1..rules).map(rule).collect();
    ip_rules.push(IpRule { allow: true, net: "203.0.113.64/26".parse().expect("a network") });
    let values = |values: &[&str]| values.iter().map(|value| String::from(*value)).collect();
    Profile {
        owner: Some(format!("owner-{number}")),
        roles: (1..=ROLES).collect(),
        grants: vec!["invoices:read".into(), format!("tenant-{number}:*")],
        metadata: Some(format!(r#"{{"plan":{number}}}"#)),
        ip_rules,
        constraints: [
            ("currency".into(), values(&["CHF", "EUR", "USD"])),
            ("network".into(), values(&["Mainnet", "Preprod", "Preview"])),
        ]
        .into(),
        ..Profile::default()
    }
}
