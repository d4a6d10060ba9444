//! Admin keys: what lets a person or program at the admin API, and how far.

use serde::Serialize;
use serde_json::{Value, json};

use super::{AdminKeyId, FieldErrors, KeyspaceId, Timestamp, WorkspaceId, text};

/// How the tokens of admin keys begin.
pub const TOKEN_PREFIX: &str = "lkadm";
/// Keyspaces that one admin key or webhook can be limited to.
const MAX_KEYSPACES: usize = 64;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What an admin key may do. Writing does not include reading.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {$(
            $(#[$doc])*
            $name,
        )*}

        impl Scope {
            /// Every scope that an operation can ask for: all but `*`.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in answers and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

scopes! {
    /// See keyspaces, their environments and how far their gates are.
    KeyspacesRead = "keyspaces:read";
    /// Make, change and delete keyspaces, and switch live on and off.
    KeyspacesWrite = "keyspaces:write";
    /// See keys.
    KeysRead = "keys:read";
    /// Make, change, rotate and revoke keys.
    KeysWrite = "keys:write";
    /// See policies.
    PolicyRead = "policy:read";
    /// Replace policies.
    PolicyWrite = "policy:write";
    /// See roles and what they grant.
    RolesRead = "roles:read";
    /// Make, change and delete roles.
    RolesWrite = "roles:write";
    /// See what is published.
    SnapshotsRead = "snapshots:read";
    /// See the audit log.
    AuditRead = "audit:read";
    /// See how keys were used, and the request log.
    UsageRead = "usage:read";
    /// Report how keys were used: what a gate's admin key is for.
    UsageWrite = "usage:write";
    /// See webhooks and what became of their deliveries.
    WebhooksRead = "webhooks:read";
    /// Make, change and delete webhooks, and send events again.
    WebhooksWrite = "webhooks:write";
    /// See admin keys.
    AdminKeysRead = "admin-keys:read";
    /// Make and revoke admin keys.
    AdminKeysWrite = "admin-keys:write";
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

const EVERYTHING: &str = "*";

/// The scopes of an admin key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// `*`: all of them, also those that are yet to be invented.
    Everything,
    /// These.
    Only(Vec<Scope>),
}

impl Scopes {
    /// Whether one of them is `scope`.
    pub fn allow(&self, scope: Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(scopes) => scopes.contains(&scope),
        }
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Everything => vec![EVERYTHING],
            Self::Only(scopes) => scopes.iter().map(|scope| scope.as_str()).collect(),
        }
    }

    /// Reads names.
    ///
    /// # Errors
    /// The position of the first that is none, with a sentence for the caller who wrote it.
    pub fn parse(names: &[String]) -> Result<Self, (usize, String)> {
        if names == [EVERYTHING] {
            return Ok(Self::Everything);
        }
        let scope = |(at, name): (usize, &String)| {
            let found = Scope::ALL.iter().copied().find(|scope| scope.as_str() == name);
            found.ok_or_else(|| (at, format!("must be one of {}; or the list holds * alone", known())))
        };
        names.iter().enumerate().map(scope).collect::<Result<_, _>>().map(Self::Only)
    }

    fn first_not_in(&self, other: &Self) -> Option<&'static str> {
        match (self, other) {
            (_, Self::Everything) => None,
            (Self::Everything, Self::Only(_)) => Some(EVERYTHING),
            (Self::Only(scopes), _) => {
                scopes.iter().find(|scope| !other.allow(**scope)).map(|scope| scope.as_str())
            }
        }
    }
}

fn known() -> String {
    Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

/// A key to the admin API. Only the digest of its token is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminKey {
    /// Its id.
    pub id: AdminKeyId,
    /// The tenant whose objects it may manage.
    pub workspace_id: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// The start of its token, such as `lkadm_live_ab12`.
    pub start: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The only keyspaces that it reaches; all of the workspace if absent.
    pub keyspaces: Option<Vec<KeyspaceId>>,
    /// From this moment on it is refused; never if absent.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Set once and for good.
    pub revoked_at: Option<Timestamp>,
}

impl AdminKey {
    /// The first key of a workspace: it may do everything, for ever.
    pub fn first(id: AdminKeyId, workspace_id: WorkspaceId, name: &str, start: &str, at: Timestamp) -> Self {
        Self {
            id,
            workspace_id,
            name: name.to_owned(),
            start: start.to_owned(),
            scopes: Scopes::Everything,
            keyspaces: None,
            expires_at: None,
            created_at: at,
            revoked_at: None,
        }
    }

    /// Whether it opens anything.
    pub fn works(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }

    /// Whether it is limited to keyspaces of which `keyspace` is none.
    pub fn reaches(&self, keyspace: KeyspaceId) -> bool {
        self.keyspaces.as_ref().is_none_or(|own| own.contains(&keyspace))
    }

    /// Whether it reaches every keyspace that `other` reaches.
    pub fn reaches_all_of(&self, other: &Self) -> bool {
        match (&self.keyspaces, &other.keyspaces) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|keyspace| own.contains(keyspace)),
        }
    }

    /// What the audit log keeps: everything but the digest.
    pub fn audit_view(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "start": self.start,
            "scopes": self.scopes.names(),
            "keyspaces": self.keyspaces,
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
        })
    }
}

/// What a caller wants of a new admin key.
#[derive(Clone, Debug, Default)]
pub struct AdminKeyDraft {
    /// Required.
    pub name: Option<String>,
    /// Required, at least one.
    pub scopes: Option<Vec<String>>,
    /// Absent: all that its maker reaches.
    pub keyspaces: Option<Vec<String>>,
    /// Absent: never, or when its maker expires.
    pub expires_at: Option<String>,
}

/// The settings of an admin key, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminKeySettings {
    /// See [`AdminKey::name`].
    pub name: String,
    /// See [`AdminKey::scopes`].
    pub scopes: Scopes,
    /// See [`AdminKey::keyspaces`].
    pub keyspaces: Option<Vec<KeyspaceId>>,
    /// See [`AdminKey::expires_at`].
    pub expires_at: Option<Timestamp>,
}

impl AdminKeyDraft {
    /// Checks every field, and that the new key has no right that `maker` lacks: no scope, no keyspace, and no day longer.
    /// Otherwise a narrow or expiring key could make itself a wider or lasting one. `errors` holds what was wrong before this point.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(
        self,
        mut errors: FieldErrors,
        maker: &AdminKey,
        now: Timestamp,
    ) -> Result<AdminKeySettings, FieldErrors> {
        let name = errors.required("/name", self.name);
        let name = name.and_then(|name| errors.check("/name", text::name(name)));
        let scopes = errors.required("/scopes", self.scopes);
        let scopes = scopes.and_then(|names| check_scopes(&names, maker, &mut errors));
        let keyspaces = check_keyspaces(self.keyspaces, maker, &mut errors);
        let expires_at = check_expiry(self.expires_at, maker, now, &mut errors);
        match (name, scopes) {
            (Some(name), Some(scopes)) if errors.is_empty() => {
                Ok(AdminKeySettings { name, scopes, keyspaces, expires_at })
            }
            _ => Err(errors),
        }
    }
}

fn check_scopes(names: &[String], maker: &AdminKey, errors: &mut FieldErrors) -> Option<Scopes> {
    if names.is_empty() {
        errors.add("/scopes", "must name at least one scope");
        return None;
    }
    let scopes =
        Scopes::parse(names).map_err(|(at, message)| errors.add(format!("/scopes/{at}"), message)).ok()?;
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            errors.add(format!("/scopes/{at}"), "stands in the list twice");
        }
    }
    if let Some(excess) = scopes.first_not_in(&maker.scopes) {
        errors.add("/scopes", format!("must not hold {excess}, which the admin key in use does not have"));
    }
    Some(scopes)
}

/// The keyspaces that something which an admin key makes is limited to: by default those of its maker, and never others.
pub(super) fn check_keyspaces(
    ids: Option<Vec<String>>,
    maker: &AdminKey,
    errors: &mut FieldErrors,
) -> Option<Vec<KeyspaceId>> {
    let Some(ids) = ids else { return maker.keyspaces.clone() };
    if ids.is_empty() || ids.len() > MAX_KEYSPACES {
        errors.add("/keyspaces", format!("must name 1 to {MAX_KEYSPACES} keyspaces; null stands for all"));
        return None;
    }
    let mut keyspaces = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        let field = format!("/keyspaces/{at}");
        let Some(id) = errors.check(field.as_str(), id.parse::<KeyspaceId>()) else { continue };
        if !maker.reaches(id) {
            errors.add(field, "is not a keyspace of this workspace");
        } else if keyspaces.contains(&id) {
            errors.add(field, "stands in the list twice");
        }
        keyspaces.push(id);
    }
    Some(keyspaces)
}

fn check_expiry(
    text: Option<String>,
    maker: &AdminKey,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Option<Timestamp> {
    let Some(text) = text else { return maker.expires_at };
    let moment = errors.check("/expires_at", Timestamp::parse(&text))?.whole_seconds();
    if moment <= now {
        errors.add("/expires_at", "must lie in the future");
    }
    if maker.expires_at.is_some_and(|end| moment > end) {
        errors.add("/expires_at", "must not lie behind that of the admin key in use");
    }
    Some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn maker(scopes: &[&str], keyspaces: Option<Vec<KeyspaceId>>, expires_at: Option<Timestamp>) -> AdminKey {
        let names: Vec<_> = scopes.iter().map(|&name| name.to_owned()).collect();
        let scopes = Scopes::parse(&names).unwrap();
        AdminKey {
            scopes,
            keyspaces,
            expires_at,
            ..AdminKey::first(AdminKeyId(1), WorkspaceId(1), "A", "lkadm_live_1", NOW)
        }
    }

    fn wrong(
        maker: &AdminKey,
        scopes: &[&str],
        keyspaces: Option<u64>,
        expires_at: Option<&str>,
    ) -> Vec<String> {
        let draft = AdminKeyDraft {
            name: Some("B".into()),
            scopes: Some(scopes.iter().map(|&name| name.to_owned()).collect()),
            keyspaces: keyspaces.map(|id| vec![KeyspaceId(id).to_string()]),
            expires_at: expires_at.map(str::to_owned),
        };
        let errors = draft.check(FieldErrors::default(), maker, NOW).err().unwrap_or_default();
        errors.iter().map(|error| error.field.clone()).collect()
    }

    #[test]
    fn nobody_makes_a_key_with_more_rights_than_its_own() {
        let narrow = maker(
            &["keys:read", "admin-keys:write"],
            Some(vec![KeyspaceId(7)]),
            Some(Timestamp(NOW.0 + 60_000)),
        );
        assert_eq!(wrong(&narrow, &["keys:read"], Some(7), None), [""; 0]);
        assert_eq!(wrong(&narrow, &["keys:read", "keys:write"], None, None), ["/scopes"]);
        assert_eq!(wrong(&narrow, &["*"], None, None), ["/scopes"]);
        assert_eq!(wrong(&narrow, &["keys:read"], Some(8), None), ["/keyspaces/0"]);
        assert_eq!(wrong(&narrow, &["keys:read"], None, Some("2099-01-01T00:00:00Z")), ["/expires_at"]);
        let wide = maker(&["*"], None, None);
        assert_eq!(wrong(&wide, &["*"], Some(8), Some("2099-01-01T00:00:00Z")), [""; 0]);
    }

    #[test]
    fn what_is_not_said_is_inherited() {
        let narrow = maker(&["keys:read"], Some(vec![KeyspaceId(7)]), Some(Timestamp(NOW.0 + 60_000)));
        let draft = AdminKeyDraft {
            name: Some("B".into()),
            scopes: Some(vec!["keys:read".into()]),
            ..Default::default()
        };
        let made = draft.check(FieldErrors::default(), &narrow, NOW).unwrap();
        assert_eq!((made.keyspaces, made.expires_at), (narrow.keyspaces, narrow.expires_at));
    }

    #[test]
    fn scopes_read_back_and_unknown_ones_are_named() {
        for scope in Scope::ALL {
            assert_eq!(Scopes::parse(&[scope.as_str().to_owned()]), Ok(Scopes::Only(vec![*scope])));
        }
        assert_eq!(Scopes::parse(&["keys:read".into(), "*".into()]).unwrap_err().0, 1);
    }
}
