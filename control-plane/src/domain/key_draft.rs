use latchkey_token::Environment;
use latchkey_validator::permissions::check_grant;
use serde_json::{Map, Value};

use super::{
    DomainError, FieldErrors, Key, KeyId, KeyspaceId, PolicyState, Restrictions, RestrictionsPatch, Secret,
    Timestamp, text,
};

/// The bound of the snapshot format, as JSON text.
const MAX_METADATA_BYTES: usize = 1_024;
/// The bound of the snapshot format, for permissions and roles alike.
const MAX_GRANTS: usize = 64;
const MAX_EXTERNAL_ID_BYTES: usize = 128;
const MAX_TAGS: usize = 32;
const MAX_TAG_CHARACTERS: usize = 64;

/// What a caller wants of a new key; absent fields get their default.
#[derive(Clone, Debug, Default)]
pub struct KeyDraft {
    /// Default `Key 1`, `Key 2`, …
    pub name: Option<String>,
    /// Default empty.
    pub description: Option<String>,
    /// Default `test`.
    pub environment: Option<String>,
    /// Default none.
    pub owner: Option<String>,
    /// Default none.
    pub tags: Option<Vec<String>>,
    /// Default `{}`.
    pub metadata: Option<Map<String, Value>>,
    /// Default true.
    pub enabled: Option<bool>,
    /// Absent: as the keyspace says; `Some(None)`: never.
    pub expires_at: Option<Option<String>>,
    /// Default none.
    pub permissions: Option<Vec<String>>,
    /// Default none.
    pub roles: Option<Vec<String>>,
    /// Default none.
    pub external_id: Option<String>,
    /// Default none.
    pub restrictions: RestrictionsPatch,
}

/// What a caller wants changed: absent fields stay, `Some(None)` goes back to the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyPatch {
    /// Has no default.
    pub name: Option<Option<String>>,
    /// See [`KeyDraft::description`].
    pub description: Option<Option<String>>,
    /// See [`KeyDraft::owner`].
    pub owner: Option<Option<String>>,
    /// The whole list.
    pub tags: Option<Option<Vec<String>>>,
    /// The whole object, not merged into the old one.
    pub metadata: Option<Option<Map<String, Value>>>,
    /// See [`KeyDraft::enabled`].
    pub enabled: Option<Option<bool>>,
    /// `Some(None)`: never.
    pub expires_at: Option<Option<String>>,
    /// The whole list.
    pub permissions: Option<Option<Vec<String>>>,
    /// The whole list.
    pub roles: Option<Option<Vec<String>>>,
    /// Each by itself.
    pub restrictions: RestrictionsPatch,
}

/// A key that only lacks a place to be stored.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Where it goes.
    pub keyspace_id: KeyspaceId,
    /// `None`: the store numbers it.
    pub name: Option<String>,
    /// Everything else.
    pub settings: KeySettings,
    /// Its first token.
    pub secret: Secret,
    /// When it is made.
    pub at: Timestamp,
}

/// The settings of a key, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySettings {
    /// See [`Key::description`].
    pub description: String,
    /// See [`Key::environment`].
    pub environment: Environment,
    /// See [`Key::owner`].
    pub owner: Option<String>,
    /// See [`Key::tags`].
    pub tags: Vec<String>,
    /// See [`Key::metadata`].
    pub metadata: Map<String, Value>,
    /// See [`Key::enabled`].
    pub enabled: bool,
    /// See [`Key::expires_at`].
    pub expires_at: Option<Timestamp>,
    /// See [`Key::permissions`].
    pub permissions: Vec<String>,
    /// See [`Key::roles`].
    pub roles: Vec<String>,
    /// See [`Key::external_id`].
    pub external_id: Option<String>,
    /// See [`Key::restrictions`].
    pub restrictions: Restrictions,
}

impl KeyDraft {
    /// Checks every field. `errors` holds what was wrong before this point. Roles are checked against the policy
    /// where the key is stored, because only there the policy cannot change in between. A key whose creator says nothing lives for
    /// `default_expiry_days`, or for ever.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(
        self,
        mut errors: FieldErrors,
        now: Timestamp,
        default_expiry_days: Option<u32>,
    ) -> Result<(Option<String>, KeySettings), FieldErrors> {
        let errors = &mut errors;
        let name = self.name.and_then(|name| errors.check("/name", text::name(name)));
        let settings = KeySettings {
            description: check_description(self.description, errors),
            environment: self
                .environment
                .and_then(|text| errors.check("/environment", text.parse()))
                .unwrap_or(Environment::Test),
            owner: check_owner(self.owner, errors),
            tags: check_tags(self.tags.unwrap_or_default(), errors),
            metadata: check_metadata(self.metadata.unwrap_or_default(), errors),
            enabled: self.enabled.unwrap_or(true),
            expires_at: match self.expires_at {
                None => default_expiry_days.map(|days| now.plus_days(days.into()).whole_seconds()),
                Some(text) => check_expiry(text, now, errors),
            },
            permissions: check_permissions(self.permissions.unwrap_or_default(), errors),
            roles: check_roles(self.roles.unwrap_or_default(), errors),
            external_id: check_external_id(self.external_id, errors),
            restrictions: self.restrictions.begin(now, errors),
        };
        std::mem::take(errors).into_result().map(|()| (name, settings))
    }
}

impl NewKey {
    /// The key as it is stored: with the number that orders it among its keyspace's changes.
    pub fn into_key(self, name: String, change_seq: u64) -> Key {
        let settings = self.settings;
        Key {
            id: self.id,
            keyspace_id: self.keyspace_id,
            name,
            description: settings.description,
            environment: settings.environment,
            owner: settings.owner,
            tags: settings.tags,
            metadata: settings.metadata,
            enabled: settings.enabled,
            expires_at: settings.expires_at,
            permissions: settings.permissions,
            roles: settings.roles,
            secrets: vec![self.secret],
            external_id: settings.external_id,
            restrictions: settings.restrictions,
            created_at: self.at,
            updated_at: self.at,
            revocation: None,
            change_seq,
        }
    }
}

impl KeyPatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Lays the patch over a key.
    ///
    /// # Errors
    /// All wrong fields, or that the key is revoked.
    pub fn apply(self, mut key: Key, policy: &PolicyState, now: Timestamp) -> Result<Key, DomainError> {
        if key.revocation.is_some() {
            return Err(DomainError::KeyRevoked(key.id));
        }
        let mut errors = FieldErrors::default();
        match self.name {
            Some(Some(name)) => key.name = errors.check("/name", text::name(name)).unwrap_or_default(),
            Some(None) => errors.add("/name", "must not be null: a key keeps a name"),
            None => {}
        }
        if let Some(description) = self.description {
            key.description = check_description(description, &mut errors);
        }
        if let Some(owner) = self.owner {
            key.owner = check_owner(owner, &mut errors);
        }
        if let Some(tags) = self.tags {
            key.tags = check_tags(tags.unwrap_or_default(), &mut errors);
        }
        if let Some(metadata) = self.metadata {
            key.metadata = check_metadata(metadata.unwrap_or_default(), &mut errors);
        }
        if let Some(enabled) = self.enabled {
            key.enabled = enabled.unwrap_or(true);
        }
        if let Some(expires_at) = self.expires_at {
            key.expires_at = check_expiry(expires_at, now, &mut errors);
        }
        if let Some(permissions) = self.permissions {
            key.permissions = check_permissions(permissions.unwrap_or_default(), &mut errors);
        }
        if let Some(roles) = self.roles {
            key.roles = check_roles(roles.unwrap_or_default(), &mut errors);
            policy.check_roles(&key.roles, &mut errors);
        }
        key.restrictions = self.restrictions.apply(key.restrictions, now, &mut errors);
        errors.into_result()?;
        key.updated_at = now;
        Ok(key)
    }
}

fn check_description(text: Option<String>, errors: &mut FieldErrors) -> String {
    errors.check("/description", text::description(text.unwrap_or_default())).unwrap_or_default()
}

fn check_owner(owner: Option<String>, errors: &mut FieldErrors) -> Option<String> {
    errors.check("/owner", text::owner(owner?))
}

fn check_external_id(id: Option<String>, errors: &mut FieldErrors) -> Option<String> {
    let id = id?;
    if id.is_empty() || id.len() > MAX_EXTERNAL_ID_BYTES || id.chars().any(char::is_control) {
        let message = format!("must have 1 to {MAX_EXTERNAL_ID_BYTES} bytes and no control characters");
        errors.add("/external_id", message);
    }
    Some(id)
}

fn check_tags(tags: Vec<String>, errors: &mut FieldErrors) -> Vec<String> {
    check_set(tags, "/tags", MAX_TAGS, errors, |tag| {
        if tag.chars().count() > MAX_TAG_CHARACTERS {
            return Err(format!("must have at most {MAX_TAG_CHARACTERS} characters"));
        }
        text::name(tag.to_owned()).map(drop)
    })
}

fn check_permissions(permissions: Vec<String>, errors: &mut FieldErrors) -> Vec<String> {
    check_set(permissions, "/permissions", MAX_GRANTS, errors, |grant| {
        check_grant(grant).map_err(|error| error.to_string())
    })
}

fn check_roles(roles: Vec<String>, errors: &mut FieldErrors) -> Vec<String> {
    check_set(roles, "/roles", MAX_GRANTS, errors, |role| text::name(role.to_owned()).map(drop))
}

/// Keeps the caller's order; a value that stands there twice is refused, because one of them is probably a slip.
fn check_set(
    values: Vec<String>,
    field: &str,
    limit: usize,
    errors: &mut FieldErrors,
    check: impl Fn(&str) -> Result<(), String>,
) -> Vec<String> {
    if values.len() > limit {
        errors.add(field, format!("must have at most {limit} entries"));
        return Vec::new();
    }
    for (at, value) in values.iter().enumerate() {
        let field = format!("{field}/{at}");
        errors.check(field.as_str(), check(value));
        if values[..at].contains(value) {
            errors.add(field, "stands in the list twice");
        }
    }
    values
}

fn check_metadata(metadata: Map<String, Value>, errors: &mut FieldErrors) -> Map<String, Value> {
    let bytes = serde_json::to_string(&metadata).map_or(usize::MAX, |text| text.len());
    if bytes > MAX_METADATA_BYTES {
        errors.add("/metadata", format!("must have at most {MAX_METADATA_BYTES} bytes as JSON, not {bytes}"));
    }
    metadata
}

fn check_expiry(text: Option<String>, now: Timestamp, errors: &mut FieldErrors) -> Option<Timestamp> {
    let moment = errors.check("/expires_at", Timestamp::parse(&text?))?.whole_seconds();
    if moment <= now {
        errors.add("/expires_at", "must lie in the future; to end a key now, revoke it");
    }
    Some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_500);

    #[test]
    fn an_empty_draft_is_a_test_key_for_90_days() {
        let (name, settings) = KeyDraft::default().check(FieldErrors::default(), NOW, Some(90)).unwrap();
        assert_eq!((name, settings.environment, settings.enabled), (None, Environment::Test, true));
        assert_eq!(settings.expires_at, Some(Timestamp(1_800_000_000_000 + 90 * 86_400_000)));
    }

    #[test]
    fn null_means_never() {
        let draft = KeyDraft { expires_at: Some(None), ..Default::default() };
        assert_eq!(draft.check(FieldErrors::default(), NOW, Some(90)).unwrap().1.expires_at, None);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let draft = KeyDraft {
            name: Some("a\nb".into()),
            description: Some("x".repeat(1_001)),
            environment: Some("prod".into()),
            owner: Some(" me".into()),
            tags: Some(vec!["a".into(), "a".into()]),
            metadata: Some([("k".to_owned(), "v".repeat(1_100).into())].into_iter().collect()),
            enabled: None,
            expires_at: Some(Some("2001-01-01T00:00:00Z".into())),
            permissions: Some(vec!["read:*".into(), "Read".into()]),
            roles: Some(vec![String::new()]),
            external_id: Some("a\u{7}".into()),
            restrictions: RestrictionsPatch {
                ip_rules: Some(Some(vec![Default::default()])),
                ..Default::default()
            },
        };
        let errors = draft.check(FieldErrors::default(), NOW, Some(90)).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "/name",
                "/description",
                "/environment",
                "/owner",
                "/tags/1",
                "/metadata",
                "/expires_at",
                "/permissions/1",
                "/roles/0",
                "/external_id",
                "/ip_rules/0/action",
                "/ip_rules/0/cidr"
            ]
        );
    }
}
