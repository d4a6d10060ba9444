//! Keys from other systems.

use rusqlite::{Connection, params};

use super::key_checks;
use super::keys::{create, update};
use super::mutation::Mutation;
use super::rows::{self, number};
use crate::domain::{
    DomainError, FieldErrors, ImportOutcome, KeyId, KeyImport, Keyspace, KeyspaceId, NewKey, Precondition,
    Secret,
};
use crate::storage::StoreError;
use latchkey_token::Digest;

pub(super) type Outcome = Result<(ImportOutcome, KeyId), DomainError>;

pub(super) fn import(
    mutation: &mut Mutation<'_>,
    keyspace: KeyspaceId,
    keys: Vec<KeyImport>,
) -> Result<Vec<Outcome>, StoreError> {
    let keyspace = mutation.keyspace(keyspace)?;
    let mut outcomes = Vec::with_capacity(keys.len());
    for key in keys {
        // What is refused here is refused before a row is touched, so the others can stay.
        outcomes.push(match import_one(mutation, &keyspace, key) {
            Ok(outcome) => Ok(outcome),
            Err(StoreError::Refused(refusal)) => Err(refusal),
            Err(failed) => return Err(failed),
        });
    }
    Ok(outcomes)
}

fn import_one(
    mutation: &mut Mutation<'_>,
    keyspace: &Keyspace,
    import: KeyImport,
) -> Result<(ImportOutcome, KeyId), StoreError> {
    let connection = mutation.connection();
    let Some(id) = key_checks::key_of_external_id(connection, keyspace.id, &import.external_id)? else {
        return create_one(mutation, keyspace, import).map(|id| (ImportOutcome::Created, id));
    };
    let known = mutation.key(id)?;
    match import.difference(&known, mutation.at)? {
        None => Ok((ImportOutcome::Unchanged, id)),
        Some(patch) => update(mutation, id, &Precondition::Any, patch).map(|_| (ImportOutcome::Updated, id)),
    }
}

fn create_one(
    mutation: &mut Mutation<'_>,
    keyspace: &Keyspace,
    import: KeyImport,
) -> Result<KeyId, StoreError> {
    let KeyImport { id, secret_id, digest, start, external_id, mut draft } = import;
    draft.external_id = Some(external_id);
    let at = mutation.at;
    let (name, settings) = draft.check(FieldErrors::default(), at, keyspace.rules.default_expiry_days)?;
    refuse_taken_tag(mutation.connection(), keyspace.id, &digest)?;
    let secret =
        Secret { id: secret_id, digest, start, created_at: at, expires_at: None, last_used_at: None };
    let new = NewKey { id, keyspace_id: keyspace.id, name, settings, secret, at };
    create(mutation, new).map(|_| id)
}

/// Snapshots tell tokens apart by the tag. Hashes of tokens never meet there, but a caller can make up what is no hash.
fn refuse_taken_tag(
    connection: &Connection,
    keyspace: KeyspaceId,
    digest: &Digest,
) -> Result<(), StoreError> {
    let taken: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM secrets WHERE keyspace_id = ?1 AND tag = ?2) \
             OR EXISTS (SELECT 1 FROM purged_secrets WHERE keyspace_id = ?1 AND tag = ?2)",
        )?
        .query_row(params![number(keyspace.0), rows::tag(digest)], |row| row.get(0))?;
    if taken { Err(DomainError::TokenAlreadyUsed.into()) } else { Ok(()) }
}
