//! The live environment of a keyspace: off until what it needs is there.

use super::policy::DefaultAccess;
use super::{KeyspaceId, PolicyState};

/// Whether live keys of a keyspace work, and what is known of its workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSwitch {
    /// Whether they do.
    pub enabled: bool,
    /// Admin keys of the workspace that are not revoked.
    pub admin_keys: u64,
}

/// Something that must be there before live is turned on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// `policy`, `gate` or `second_admin_key`.
    pub name: &'static str,
    /// Whether it is there.
    pub met: bool,
    /// How to bring it about.
    pub how: String,
}

impl LiveSwitch {
    /// Everything that live needs. `gate_acknowledged`: a gate has confirmed a snapshot.
    pub fn requirements(
        &self,
        keyspace: KeyspaceId,
        policy: &PolicyState,
        gate_acknowledged: bool,
    ) -> Vec<Requirement> {
        let decides = !policy.policy.routes.is_empty() || policy.policy.default == DefaultAccess::Allow;
        vec![
            Requirement {
                name: "policy",
                met: decides,
                how: format!("PUT /v1/keyspaces/{keyspace}/policy with a route, or with default allow"),
            },
            Requirement {
                name: "gate",
                met: gate_acknowledged,
                how: format!(
                    "PATCH /v1/keyspaces/{keyspace} with a gate, and see in …/propagation that it acknowledges a snapshot"
                ),
            },
            Requirement {
                name: "second_admin_key",
                met: self.admin_keys > 1,
                how: "POST /v1/admin-keys: losing the only key must not lock you out of production"
                    .to_owned(),
            },
        ]
    }
}
