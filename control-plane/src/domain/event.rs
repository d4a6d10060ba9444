//! Events: what webhooks tell of. An event is written in the transaction of what it tells of, so that none is lost and none invented.

use serde_json::{Map, Value, json};

use super::{Actor, ChangeKind, KeyId, KeyspaceId, Timestamp};

macro_rules! event_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)*) => {
        /// What an event tells of. The names are stored and never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {$(
            $(#[doc = $doc])+
            $name,
        )*}

        impl EventType {
            /// Every type.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in payloads and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// One sentence for people.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+)),* }
            }
        }
    };
}

event_types! {
    /// A key was made.
    KeyCreated = "key.created";
    /// Fields of a key changed; `changed` names them.
    KeyUpdated = "key.updated";
    /// A key got another token; those that it had end at their `expires_at`.
    KeyRotated = "key.rotated";
    /// A key was switched off.
    KeyDisabled = "key.disabled";
    /// A key was switched on.
    KeyEnabled = "key.enabled";
    /// A key was revoked.
    KeyRevoked = "key.revoked";
    /// A revocation was taken back.
    KeyRestored = "key.restored";
    /// A key expires in seven days, or in one.
    KeyExpiring = "key.expiring";
    /// A key has expired.
    KeyExpired = "key.expired";
    /// A token of a key was found where it does not belong; `outcome` says what was done.
    KeyLeaked = "key.leaked";
    /// What a key has left of a unit reached what its `credits_low_at` names.
    CreditsLow = "credits.low";
    /// A key has nothing left of a unit.
    CreditsExhausted = "credits.exhausted";
    /// A key was given credits, or some were taken from it.
    CreditsChanged = "credits.changed";
    /// A snapshot with new changes was signed and goes out to the gates.
    SnapshotPublished = "snapshot.published";
    /// A gate has confirmed nothing for longer than its keyspace's `fresh_seconds`.
    EdgeStale = "edge.stale";
    /// Publishing is held back until an operator consents: a new base has far fewer or far more rows, or no gate takes what was published.
    SnapshotHeld = "snapshot.held";
    /// A gate refuses what was published and says that it is bad.
    GateRefused = "gate.refused";
    /// A keyspace was deleted, and every key in it revoked.
    KeyspaceDeleted = "keyspace.deleted";
    /// Every key of a keyspace was shut out at once.
    KeyspaceKilled = "keyspace.killed";
    /// The keys of a keyspace were let in again.
    KeyspaceRevived = "keyspace.revived";
    /// All keys of an owner were revoked at once.
    OwnerRevoked = "owner.revoked";
    /// A webhook was switched off because its receiver is gone or has failed for days.
    WebhookDisabled = "webhook.disabled";
    /// Somebody wants to see that a webhook works. It goes to that webhook alone, whatever it has chosen.
    WebhookTest = "webhook.test";
}

impl EventType {
    /// The type of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Whether a webhook can choose it.
    pub fn can_be_chosen(self) -> bool {
        self != Self::WebhookTest
    }
}

/// An event that is yet to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDraft {
    /// What it tells of.
    pub kind: EventType,
    /// The keyspace that it concerns; `None` concerns the workspace.
    pub keyspace_id: Option<KeyspaceId>,
    /// The key that it concerns. Deliveries about one key go one after the other.
    pub key_id: Option<KeyId>,
    /// What there is to know, an object without secrets.
    pub data: Value,
}

impl EventDraft {
    /// The bytes that are signed and sent: the payload of the Standard Webhooks.
    pub fn body(&self, at: Timestamp) -> String {
        json!({ "type": self.kind.as_str(), "timestamp": at, "data": self.data }).to_string()
    }
}

/// The event that tells of a change of many keys at once, for which none of them has an event of its own.
pub fn of_many_keys(kind: ChangeKind) -> Option<EventType> {
    match kind {
        ChangeKind::KeyspaceDeleted => Some(EventType::KeyspaceDeleted),
        ChangeKind::KeyspaceKilled => Some(EventType::KeyspaceKilled),
        ChangeKind::KeyspaceRevived => Some(EventType::KeyspaceRevived),
        ChangeKind::OwnerRevoked => Some(EventType::OwnerRevoked),
        _ => None,
    }
}

/// A change of a key, as both logs have it.
#[derive(Clone, Copy, Debug)]
pub struct KeyChange<'a> {
    /// What happened.
    pub kind: ChangeKind,
    /// To which key.
    pub key_id: KeyId,
    /// Of which keyspace.
    pub keyspace_id: KeyspaceId,
    /// Its place in the keyspace's change log.
    pub seq: u64,
    /// The key before, as the audit log keeps it; `null` if it is new.
    pub before: &'a Value,
    /// The key after.
    pub after: &'a Value,
}

impl KeyChange<'_> {
    /// The types of the events that tell of the change: most often one, two if a switch was used among other things.
    pub fn types(&self) -> Vec<EventType> {
        match self.kind {
            ChangeKind::KeyCreated => vec![EventType::KeyCreated],
            ChangeKind::KeyRotated => vec![EventType::KeyRotated],
            ChangeKind::KeyRestored => vec![EventType::KeyRestored],
            ChangeKind::SigningKeyAdded | ChangeKind::SigningKeyRemoved => vec![EventType::KeyUpdated],
            ChangeKind::KeyRevoked if self.before["revoked_at"].is_null() => vec![EventType::KeyRevoked],
            ChangeKind::KeyUpdated => self.types_of_update(),
            _ => Vec::new(),
        }
    }

    fn types_of_update(&self) -> Vec<EventType> {
        let mut types = Vec::new();
        if self.before["enabled"] != self.after["enabled"] {
            let on = self.after["enabled"] == true;
            types.push(if on { EventType::KeyEnabled } else { EventType::KeyDisabled });
        }
        if types.is_empty() || self.changed().iter().any(|field| *field != "enabled") {
            types.push(EventType::KeyUpdated);
        }
        types
    }

    /// An event of one of those types.
    pub fn event(&self, kind: EventType, actor: &Actor) -> EventDraft {
        let mut data = change_data(self.keyspace_id, self.seq, actor);
        data.insert("key_id".to_owned(), json!(self.key_id));
        data.insert("key".to_owned(), key_view(self.after));
        if kind == EventType::KeyUpdated {
            data.insert("changed".to_owned(), json!(self.changed()));
        }
        EventDraft { kind, keyspace_id: Some(self.keyspace_id), key_id: Some(self.key_id), data: data.into() }
    }

    fn changed(&self) -> Vec<&str> {
        let fields = |view: &'_ Value| view.as_object().cloned().unwrap_or_default();
        let (before, after) = (fields(self.before), fields(self.after));
        let own = self.after.as_object().into_iter().chain(self.before.as_object()).flat_map(Map::keys);
        let mut changed: Vec<_> = own
            .filter(|field| *field != "change_seq" && before.get(*field) != after.get(*field))
            .map(String::as_str)
            .collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }
}

/// What the data of each event that tells of a change begin with.
pub fn change_data(keyspace: KeyspaceId, seq: u64, actor: &Actor) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("keyspace_id".to_owned(), json!(keyspace));
    data.insert("change_seq".to_owned(), json!(seq));
    data.insert("actor".to_owned(), json!(actor.name()));
    data.insert("request_id".to_owned(), json!(actor.request_id));
    data
}

/// What receivers see of a key. It is made of what the audit log keeps, which has neither tokens nor digests.
pub fn key_view(audited: &Value) -> Value {
    const SHOWN: [&str; 15] = [
        "id",
        "name",
        "description",
        "environment",
        "owner",
        "tags",
        "metadata",
        "enabled",
        "expires_at",
        "permissions",
        "roles",
        "external_id",
        "revoked_at",
        "revoked_reason",
        "revoked_note",
    ];
    let shown = SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), audited.get(*name)?.clone())));
    let mut view: Map<String, Value> = shown.collect();
    view.insert("secrets".to_owned(), audited.get("secrets").cloned().unwrap_or_else(|| json!([])));
    view.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(kind: ChangeKind, before: Value, after: Value) -> Vec<&'static str> {
        let (key_id, keyspace_id) = (KeyId(1), KeyspaceId(2));
        let change = KeyChange { kind, key_id, keyspace_id, seq: 3, before: &before, after: &after };
        change.types().into_iter().map(EventType::as_str).collect()
    }

    #[test]
    fn a_switch_is_told_as_such_and_other_changes_beside_it_too() {
        let on = |name: &str, enabled: bool| json!({ "name": name, "enabled": enabled, "change_seq": 1 });
        let update = ChangeKind::KeyUpdated;
        assert_eq!(types(update, on("a", true), on("a", false)), ["key.disabled"]);
        assert_eq!(types(update, on("a", false), on("b", true)), ["key.enabled", "key.updated"]);
        assert_eq!(types(update, on("a", true), on("a", true)), ["key.updated"]);
    }

    #[test]
    fn a_key_that_was_revoked_before_is_not_revoked_again() {
        let revoked = json!({ "revoked_at": "2027-01-01T00:00:00Z" });
        assert_eq!(types(ChangeKind::KeyRevoked, json!({}), revoked.clone()), ["key.revoked"]);
        assert_eq!(types(ChangeKind::KeyRevoked, revoked.clone(), revoked), [""; 0]);
    }

    #[test]
    fn names_read_back() {
        for kind in EventType::ALL {
            assert_eq!(EventType::parse(kind.as_str()), Some(*kind));
        }
    }
}
