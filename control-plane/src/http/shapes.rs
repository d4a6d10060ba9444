//! What values look like that stand in many places, for the OpenAPI document. None of these types ever holds a value: the domain reads
//! and writes them, and the contract test holds the two together.

use std::borrow::Cow;

use latchkey_validator::{MAX_PATTERN_LEN, permissions::MAX_PERMISSION_LEN};
use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::text::{MAX_DESCRIPTION, MAX_NAME};
use crate::domain::webhook::SignatureKind;
use crate::domain::{self, EventType, KeyStatus, LeakPolicy, RevocationReason, Scope};
use crate::storage::HeadKind as Brought;

macro_rules! shapes {
    ($($(#[doc = $doc:literal])+ $name:ident = $shape:expr;)*) => {$(
        $(#[doc = $doc])+
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let shape: ObjectBuilder = $shape;
                let text = [$($doc),+].concat();
                Schema::Object(shape.description(Some(text.trim())).build()).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

shapes! {
    /// The id of a workspace.
    WorkspaceId = id(domain::WorkspaceId::KIND);
    /// The id of a keyspace.
    KeyspaceId = id(domain::KeyspaceId::KIND);
    /// The id of a key.
    KeyId = id(domain::KeyId::KIND);
    /// The id of one token of a key.
    SecretId = id(domain::SecretId::KIND);
    /// The id of a role.
    RoleId = id(domain::RoleId::KIND);
    /// The id of an admin key.
    AdminKeyId = id(domain::AdminKeyId::KIND);
    /// The id of a session.
    SessionId = id(domain::SessionId::KIND);
    /// The id of a webhook.
    WebhookId = id(domain::WebhookId::KIND);
    /// The id of an event.
    EventId = id(domain::EventId::KIND);
    /// The id of a delivery.
    DeliveryId = id(domain::DeliveryId::KIND);
    /// A time with a zone, between 1970 and 9999.
    Time = Object::builder()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples([json!("2027-01-31T12:00:00Z")]);
    /// A short text without control characters, no space at either end.
    Name = text(1, MAX_NAME).pattern(Some(NAME)).examples([json!("Nightly tests")]);
    /// Whose a key is: a name of at most 255 bytes.
    Owner = text(1, MAX_NAME).pattern(Some(NAME)).examples([json!("team-ci")]);
    /// The name of a role.
    RoleName = text(1, MAX_NAME).pattern(Some(NAME)).examples([json!("reader")]);
    /// A longer text; line breaks are fine.
    Description = text(0, MAX_DESCRIPTION).pattern(Some(DESCRIPTION)).examples([json!("Runs every night")]);
    /// Why something grave is done, for the audit log; not only spaces.
    GraveReason = text(1, MAX_DESCRIPTION).pattern(Some(GRAVE_REASON)).examples([json!("the master key was on a lost laptop")]);
    /// A word by which keys are found again.
    Tag = text(1, 64).pattern(Some(NAME)).examples([json!("ci")]);
    /// The name of a key in another system, at most 128 bytes.
    ExternalId = text(1, 128).pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]*$")).examples([json!("crm-4711")]);
    /// The start of tokens.
    Prefix = pattern("^[a-z][a-z0-9]{0,10}$").examples([json!("demo")]);
    /// A permission: up to 8 segments of `[a-z0-9_.-]{1,32}`.
    Permission = pattern("^[a-z0-9_.-]{1,32}(:[a-z0-9_.-]{1,32}){0,7}$")
        .max_length(Some(MAX_PERMISSION_LEN))
        .examples([json!("items:read")]);
    /// A permission in which `*` stands for one segment, and at the end for any rest.
    Grant = pattern(r"^([a-z0-9_.-]{1,32}|\*)(:([a-z0-9_.-]{1,32}|\*)){0,7}$")
        .max_length(Some(MAX_PERMISSION_LEN))
        .examples([json!("items:*")]);
    /// A path in which `{name}` stands for one segment, and `*` at the end for any rest.
    RoutePath = pattern(ROUTE_PATH).max_length(Some(MAX_PATTERN_LEN)).examples([json!("/items/{id}")]);
    /// A method in upper case, or `*` for any.
    RouteMethod = pattern(r"^([A-Z]{1,16}|\*)$").examples([json!("GET")]);
    /// The address of a gate, without query or credentials.
    GateUrl = pattern(r"^https?://[^/?#@]+(/[^?#]*)?$")
        .max_length(Some(512))
        .examples([json!("https://gate.example.com")]);
    /// What a sink is called: small letters, digits and hyphens.
    SinkName = pattern("^[a-z0-9-]{1,32}$").examples([json!("backup")]);
    /// What a snapshot brought that the one before did not have, the first of these that fits: a new base, changes of keys over the same
    /// base, changes of settings alone, nothing but other signatures.
    HeadKind = one_of(Brought::ALL.map(Brought::as_str));
    /// Which part of a snapshot is wanted: the one behind this.
    SnapshotPart = pattern("^[0-9a-f]{64}$")
        .examples([json!("0000000000000000000000000000000000000000000000000000000000000000")]);
    /// What a sink is.
    SinkType = one_of(["kv", "s3", "gcs", "folder"]);
    /// Workers KV.
    KvSink = one_of(["kv"]).examples([json!("kv")]);
    /// S3 or what speaks it.
    S3Sink = one_of(["s3"]).examples([json!("s3")]);
    /// Google Cloud Storage.
    GcsSink = one_of(["gcs"]).examples([json!("gcs")]);
    /// A folder.
    FolderSink = one_of(["folder"]).examples([json!("folder")]);
    /// The address of a service, `https` unless it is on the control plane's own machine.
    ServiceUrl = pattern(r"^https://[^/?#@]+(/[^/?#]+)*$|^http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/[^/?#]+)*$")
        .max_length(Some(512))
        .examples([json!("http://127.0.0.1:9")]);
    /// The name of a bucket.
    Bucket = pattern("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$").examples([json!("snapshots")]);
    /// What stands before the names of objects: words with slashes between them.
    ObjectPrefix = pattern(r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$").max_length(Some(200)).examples([json!("shop")]);
    /// A secret: visible ASCII characters.
    SinkSecret = pattern("^[!-~]{1,8192}$").examples([json!("s3cret")]);
    /// A token: visible ASCII characters.
    ChosenToken = pattern("^[!-~]{16,255}$").examples([json!(null)]);
    /// A SHA-256: 64 hexadecimal digits, or base64 or base64url with or without padding.
    Digest = pattern("^([0-9a-fA-F]{64}|[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=?|[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=?)$")
        .examples([json!("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]);
    /// 32 bytes in base64url without padding.
    GateKey = pattern("^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$").examples([json!("3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08")]);
    /// The id of a credential for the upstream.
    UpstreamCredentialId = id(domain::UpstreamCredentialId::KIND);
    /// SHA-256 in hexadecimal.
    Sha256 = pattern("^[0-9a-f]{64}$");
    /// The environment of a key.
    Environment = one_of(["test", "live"]);
    /// Which keys gates serve.
    ServedEnvironment = one_of(["any", "test", "live"]);
    /// The first reason that applies, in the order in which a gate checks them.
    Status = one_of([KeyStatus::Revoked, KeyStatus::Disabled, KeyStatus::Expired, KeyStatus::Active].map(KeyStatus::as_str));
    /// Which keys a list shows.
    StatusFilter = one_of(["active", "disabled", "expired", "revoked", "all"]);
    /// Why a key is revoked. One that leaked cannot be restored.
    Reason = one_of([
        RevocationReason::Unspecified,
        RevocationReason::Admin,
        RevocationReason::Leaked,
        RevocationReason::Holder,
    ].map(RevocationReason::as_str)).examples([json!("admin")]);
    /// What happens to a key whose token was found in public.
    LeakReaction = one_of([LeakPolicy::Revoke, LeakPolicy::Disable, LeakPolicy::Notify].map(LeakPolicy::as_str));
    /// What became of a token that was found in public.
    LeakResult = one_of(["revoked", "disabled", "notified", "already_revoked", "unknown"]);
    /// What a gate does once a snapshot is too old: `allow` keeps deciding by what it knows.
    OnExpired = one_of(["deny", "allow"]);
    /// What a route that nothing matches gets: `allow` is any valid key.
    DefaultAccess = one_of(["deny", "allow"]);
    /// Roles that a keyspace can begin with.
    RolePreset = one_of(["read-pay-admin"]);
    /// What a gate decides: `VALID`, or why not. More may be invented.
    DecisionCode = pattern("^[A-Z]+(_[A-Z]+)*$").examples([json!("VALID")]);
    /// What became of a line of an import.
    ImportOutcome = one_of(["created", "unchanged", "updated", "error"]);
    /// Where a webhook leads: not to private, local or reserved addresses.
    WebhookUrl = pattern(r"^https?://[^/?#@]+(/[^#]*)?$").max_length(Some(1_024)).examples([json!("https://hooks.example.com/latchkey")]);
    /// A type of event; `*` is all of them. More may be invented.
    EventName = one_of(EventType::ALL.iter().filter(|kind| kind.can_be_chosen()).map(|kind| kind.as_str()).chain(["*"]));
    /// What an event tells of. More may be invented.
    EventKind = pattern(r"^[a-z]+\.[a-z]+$").examples([json!("key.revoked")]);
    /// By what a webhook signs: `v1` or `v1a` of the Standard Webhooks.
    WebhookSignature = one_of(SignatureKind::ALL.map(SignatureKind::as_str));
    /// How a delivery stands.
    DeliveryState = one_of(domain::webhook::DeliveryState::ALL.map(domain::webhook::DeliveryState::as_str));
    /// A right of admin keys; `*` is all of them.
    ScopeName = one_of(Scope::ALL.iter().map(|scope| scope.as_str()).chain(["*"])).examples([json!("keys:read")]);
}

/// As [`domain::text::name`] wants it, but for the rarer kinds of space and the direction marks.
const NAME: &str =
    r"^[^\u0000-\u0020\u007f-\u00a0]([^\u0000-\u001f\u007f-\u009f]*[^\u0000-\u0020\u007f-\u00a0])?$";
/// As [`domain::text::description`] wants it, but for direction marks.
const DESCRIPTION: &str = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$";
const GRAVE_REASON: &str = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$";
/// As `spec/decision.md` section 3.2 has it, but that it tells neither dot segments nor repeated parameters.
const ROUTE_PATH: &str = r"^(/|(/([A-Za-z0-9._~!$&'()+,=:@-]+|\{[A-Za-z_][A-Za-z0-9_]{0,31}\}))*(/([A-Za-z0-9._~!$&'()+,=:@-]+|\{[A-Za-z_][A-Za-z0-9_]{0,31}\}|\*)))$";

/// An id: its number has 63 bits, in the alphabet of ids.
fn id(kind: &str) -> ObjectBuilder {
    pattern(&format!("^{kind}_[0-7][0-9a-hjkmnp-tv-z]{{12}}$"))
        .examples([json!(format!("{kind}_06nd5xbm0q3tz"))])
}

fn pattern(pattern: &str) -> ObjectBuilder {
    Object::builder().schema_type(Type::String).pattern(Some(pattern))
}

/// Lengths in characters.
fn text(shortest: usize, longest: usize) -> ObjectBuilder {
    let shortest = (shortest > 0).then_some(shortest);
    Object::builder().schema_type(Type::String).min_length(shortest).max_length(Some(longest))
}

fn one_of(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    let words: Vec<_> = words.into_iter().collect();
    let first = json!(words.first());
    Object::builder().schema_type(Type::String).enum_values(Some(words)).examples([first])
}
