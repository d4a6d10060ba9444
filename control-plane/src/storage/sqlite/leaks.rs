//! Found tokens: each keyspace says what happens to its own.

use rusqlite::params;
use serde_json::json;

use super::key_lifecycle::id_of_token;
use super::keys::{revoke, update};
use super::mutation::{Mutation, Trail};
use super::rows::number;
use crate::domain::event;
use crate::domain::{
    ChangeKind, EventDraft, EventType, FoundToken, Key, KeyId, KeyPatch, KeyspaceId, LeakOutcome, LeakPolicy,
    Precondition, Revocation, RevocationReason,
};
use crate::storage::StoreError;

pub(super) type Outcome = (LeakOutcome, Option<KeyId>);

/// `reach`: the keyspaces that the caller may touch, or all of them.
pub(super) fn report(
    mutation: &mut Mutation<'_>,
    tokens: &[FoundToken],
    reach: Option<&[KeyspaceId]>,
) -> Result<Vec<Outcome>, StoreError> {
    tokens.iter().map(|token| report_one(mutation, token, reach)).collect()
}

fn report_one(
    mutation: &mut Mutation<'_>,
    token: &FoundToken,
    reach: Option<&[KeyspaceId]>,
) -> Result<Outcome, StoreError> {
    let (connection, workspace) = (mutation.connection(), mutation.actor().workspace_id);
    let Some(id) = id_of_token(connection, workspace, &token.digest)? else {
        return Ok((LeakOutcome::Unknown, None));
    };
    let key = mutation.key(id)?;
    if reach.is_some_and(|reach| !reach.contains(&key.keyspace_id)) {
        return Ok((LeakOutcome::Unknown, None));
    }
    let policy = mutation.keyspace(key.keyspace_id)?.rules.leak_policy;
    let outcome = if let Some(known) = &key.revocation {
        let is_news = known.reason != RevocationReason::Leaked;
        revoke_as_leaked(mutation, id, token)?;
        if is_news {
            tell(mutation, &key, token, LeakOutcome::AlreadyRevoked)?;
        }
        LeakOutcome::AlreadyRevoked
    } else {
        let outcome = match policy {
            LeakPolicy::Revoke => {
                revoke_as_leaked(mutation, id, token)?;
                LeakOutcome::Revoked
            }
            LeakPolicy::Disable => {
                let patch = KeyPatch { enabled: Some(Some(false)), ..KeyPatch::default() };
                update(mutation, id, &Precondition::Any, patch)?;
                note_finding(mutation, &key, token)?;
                LeakOutcome::Disabled
            }
            LeakPolicy::Notify => {
                note_finding(mutation, &key, token)?;
                LeakOutcome::Notified
            }
        };
        tell(mutation, &key, token, outcome)?;
        outcome
    };
    Ok((outcome, Some(id)))
}

/// Has whoever listens hear of a finding that changed something.
fn tell(
    mutation: &mut Mutation<'_>,
    key: &Key,
    token: &FoundToken,
    outcome: LeakOutcome,
) -> Result<(), StoreError> {
    if !mutation.is_wanted(EventType::KeyLeaked)? {
        return Ok(());
    }
    let now = mutation.key(key.id)?;
    let mut data = event::change_data(key.keyspace_id, now.change_seq, mutation.actor());
    let more = json!({
        "key_id": key.id,
        "outcome": outcome,
        "source": token.source,
        "url": token.url,
        "key": event::key_view(&now.audit_view()),
    });
    data.extend(more.as_object().cloned().unwrap_or_default());
    mutation.emit(&EventDraft {
        kind: EventType::KeyLeaked,
        keyspace_id: Some(key.keyspace_id),
        key_id: Some(key.id),
        data: data.into(),
    })
}

fn revoke_as_leaked(mutation: &mut Mutation<'_>, id: KeyId, token: &FoundToken) -> Result<(), StoreError> {
    let revocation = Revocation { at: mutation.at, reason: RevocationReason::Leaked, note: token.note() };
    revoke(mutation, id, &Precondition::Any, revocation).map(drop)
}

/// A row in both logs, without a change of the key.
fn note_finding(mutation: &mut Mutation<'_>, key: &Key, token: &FoundToken) -> Result<(), StoreError> {
    let seq = mutation.next_change_seq(key.keyspace_id)?;
    mutation
        .connection()
        .prepare_cached("UPDATE keys SET change_seq = ?2 WHERE id = ?1")?
        .execute(params![number(key.id.0), number(seq)])?;
    let trail = Trail {
        keyspace: key.keyspace_id,
        seq,
        kind: ChangeKind::KeyLeakReported,
        key: Some(key.id),
        before: json!({ "id": key.id }),
        after: json!({ "id": key.id, "source": token.source, "url": token.url }),
    };
    mutation.record(trail, ()).map(drop)
}
