//! What Latchkey manages, knowing neither HTTP nor SQL: workspaces, keyspaces, keys, policies, and the trail they leave.
//!
//! Nothing here reads a clock or randomness: times and identifiers are arguments.

pub mod admin_key;
pub mod audit;
pub mod change;
pub mod chosen_token;
pub mod clock;
pub mod effective;
pub mod environment;
pub mod epoch;
pub mod error;
pub mod event;
pub mod field_errors;
pub mod head_key;
pub mod hold;
pub mod id;
pub mod key;
pub mod key_draft;
pub mod key_import;
pub mod key_rules;
pub mod keyspace;
pub mod keyspace_draft;
pub mod leak;
pub mod page;
pub mod policy;
pub mod precondition;
pub mod restrictions;
pub mod revocation;
pub mod role;
pub mod route;
pub mod session;
pub mod sink;
pub mod text;
pub mod upstream_credential;
pub mod usage;
pub mod webhook;
pub mod workspace;

pub use admin_key::{AdminKey, AdminKeyDraft, Scope};
pub use audit::{Actor, AuditEntry};
pub use change::{Change, ChangeKind};
pub use chosen_token::ChosenToken;
pub use clock::{Clock, SystemClock, Timestamp};
pub use environment::LiveSwitch;
pub use epoch::{ForeignHead, LossAccepted, LostChanges, RaisedEpoch};
pub use error::DomainError;
pub use event::{EventDraft, EventType};
pub use field_errors::{FieldError, FieldErrors};
pub use head_key::{HeadKey, HeadKeyState};
pub use hold::{GateRefusal, HeldBase, HoldReason, Pause};
pub use id::{
    AdminKeyId, DeliveryId, EventId, IdSource, KeyId, KeyspaceId, RequestId, RoleId, SecretId, SessionId,
    SigningKeyId, UpstreamCredentialId, WebhookId, WorkspaceId,
};
pub use key::{Key, KeyStatus, Secret};
pub use key_draft::{KeyDraft, KeyPatch, NewKey};
pub use key_import::{ImportOutcome, KeyImport};
pub use key_rules::{KeyRules, KeyRulesPatch, LeakPolicy};
pub use keyspace::{Freshness, GateUrl, Keyspace, Kill, OnExpired, ServedEnvironment};
pub use keyspace_draft::{KeyspaceDraft, KeyspacePatch, KeyspaceSettings};
pub use leak::{FoundToken, LeakOutcome};
pub use page::{Page, PageRequest};
pub use policy::{Policy, PolicyDocument, PolicyState};
pub use precondition::Precondition;
pub use restrictions::{RestrictionChange, Restrictions, RestrictionsPatch};
pub use revocation::{Revocation, RevocationReason};
pub use sink::{Sink, SinkSetting, SinkTarget};
pub use upstream_credential::{UpstreamCredential, UpstreamCredentialDraft, UpstreamCredentialPatch};
pub use usage::{
    CreditReport, Hour, HourCount, KeyUsage, LastUsed, LoggedRequest, RequestReport, UsageReport,
};
pub use webhook::Webhook;
pub use workspace::Workspace;
