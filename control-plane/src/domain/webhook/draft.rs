use super::{EventChoice, LoopbackRule, SignatureKind, Webhook, WebhookUrl};
use crate::domain::admin_key::check_keyspaces;
use crate::domain::{AdminKey, EventType, FieldErrors, KeyspaceId, text};

/// The settings of a webhook, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where events are sent.
    pub url: WebhookUrl,
    /// For people.
    pub description: String,
    /// Which events are sent.
    pub events: EventChoice,
    /// The only keyspaces whose events are sent; all of the workspace, and what concerns none, if absent.
    pub keyspaces: Option<Vec<KeyspaceId>>,
    /// The switch.
    pub enabled: bool,
}

/// What a caller wants of a new webhook.
#[derive(Clone, Debug, Default)]
pub struct WebhookDraft {
    /// Required.
    pub url: Option<String>,
    /// Default empty.
    pub description: Option<String>,
    /// Default `*`.
    pub events: Option<Vec<String>>,
    /// Default: those of the admin key in use.
    pub keyspaces: Option<Vec<String>>,
    /// Default true.
    pub enabled: Option<bool>,
    /// Default `hmac-sha256`.
    pub signature: Option<String>,
}

/// What a caller wants changed: absent fields stay, `Some(None)` goes back to the default.
#[derive(Clone, Debug, Default)]
pub struct WebhookPatch {
    /// Has no default.
    pub url: Option<Option<String>>,
    /// See [`WebhookDraft::description`].
    pub description: Option<Option<String>>,
    /// See [`WebhookDraft::events`].
    pub events: Option<Option<Vec<String>>>,
    /// See [`WebhookDraft::keyspaces`].
    pub keyspaces: Option<Option<Vec<String>>>,
    /// See [`WebhookDraft::enabled`].
    pub enabled: Option<Option<bool>>,
}

impl WebhookDraft {
    /// Checks every field. `errors` holds what was wrong before this point.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn check(
        self,
        mut errors: FieldErrors,
        maker: &AdminKey,
        loopback: LoopbackRule,
    ) -> Result<(WebhookSettings, SignatureKind), FieldErrors> {
        let url = errors.required("/url", self.url);
        let url = url.and_then(|url| errors.check("/url", WebhookUrl::parse(&url, loopback)));
        let description = text::description(self.description.unwrap_or_default());
        let description = errors.check("/description", description);
        let events = check_events(self.events, &mut errors);
        let keyspaces = check_keyspaces(self.keyspaces, maker, &mut errors);
        let signature = self.signature.as_deref().map_or(Ok(SignatureKind::HmacSha256), SignatureKind::parse);
        let signature = errors.check("/signature", signature);
        match (url, description, signature) {
            (Some(url), Some(description), Some(signature)) if errors.is_empty() => {
                let enabled = self.enabled.unwrap_or(true);
                Ok((WebhookSettings { url, description, events, keyspaces, enabled }, signature))
            }
            _ => Err(errors),
        }
    }
}

impl WebhookPatch {
    /// Lays the patch over a webhook's settings and checks the result. `errors` holds what was wrong before this point.
    ///
    /// # Errors
    /// All wrong fields.
    pub fn apply(
        self,
        webhook: &Webhook,
        mut errors: FieldErrors,
        changer: &AdminKey,
        loopback: LoopbackRule,
    ) -> Result<WebhookSettings, FieldErrors> {
        let old = webhook.settings.clone();
        let url = match self.url {
            // One that was taken under another rule goes on as it is.
            None => Some(old.url),
            Some(url) => {
                let url = errors.required("/url", url);
                url.and_then(|url| errors.check("/url", WebhookUrl::parse(&url, loopback)))
            }
        };
        let description = match self.description {
            None => Some(old.description),
            Some(new) => errors.check("/description", text::description(new.unwrap_or_default())),
        };
        let events = self.events.map_or(old.events, |events| check_events(events, &mut errors));
        let keyspaces =
            self.keyspaces.map_or(old.keyspaces, |ids| check_keyspaces(ids, changer, &mut errors));
        let enabled = self.enabled.map_or(old.enabled, |enabled| enabled.unwrap_or(true));
        match (url, description) {
            (Some(url), Some(description)) if errors.is_empty() => {
                Ok(WebhookSettings { url, description, events, keyspaces, enabled })
            }
            _ => Err(errors),
        }
    }
}

fn check_events(names: Option<Vec<String>>, errors: &mut FieldErrors) -> EventChoice {
    let Some(names) = names else { return EventChoice::All };
    if names.is_empty() {
        errors.add("/events", "must name at least one type of event; [\"*\"] stands for all");
    }
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            errors.add(format!("/events/{at}"), "stands in the list twice");
            return EventChoice::All;
        }
    }
    EventChoice::parse(&names).unwrap_or_else(|at| {
        errors.add(
            format!("/events/{at}"),
            format!("must be one of {}; or the list holds * alone", known_types()),
        );
        EventChoice::All
    })
}

fn known_types() -> String {
    let known = EventType::ALL.iter().filter(|kind| kind.can_be_chosen());
    known.map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}
