//! The audit log: who did what to which object. Rows form a chain of hashes, one chain per workspace, so that a row
//! that was changed or taken out shows.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{AdminKeyId, KeyId, KeyspaceId, RequestId, SessionId, Timestamp, WorkspaceId};

/// Who causes a mutation, and in which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The tenant on whose objects the actor may work.
    pub workspace_id: WorkspaceId,
    /// The admin key that was presented, or none for the program itself.
    pub admin_key_id: Option<AdminKeyId>,
    /// The session that stood for the admin key, if a browser did.
    pub session_id: Option<SessionId>,
    /// The key whose holder presented it, of what holders ask for themselves.
    pub holder: Option<KeyId>,
    /// The request, as the caller or the server named it.
    pub request_id: String,
    /// The address that the request came from; empty for the program itself.
    pub source: String,
}

impl Actor {
    /// The program itself, as on the first start.
    pub fn system(workspace_id: WorkspaceId, request_id: RequestId) -> Self {
        Self {
            workspace_id,
            admin_key_id: None,
            session_id: None,
            holder: None,
            request_id: request_id.to_string(),
            source: String::new(),
        }
    }

    /// The actor as the log names it.
    pub fn name(&self) -> String {
        match (self.admin_key_id, self.holder) {
            (Some(admin_key), _) => admin_key.to_string(),
            (None, Some(holder)) => holder.to_string(),
            (None, None) => "system".to_owned(),
        }
    }
}

/// What a mutation tells the audit log. `before` and `after` hold no secrets and no digests.
#[derive(Clone, Debug)]
pub struct AuditDraft {
    /// The keyspace that it concerns, if one.
    pub keyspace_id: Option<KeyspaceId>,
    /// Such as `key.revoked`.
    pub action: &'static str,
    /// The object's id as text.
    pub object: String,
    /// The object before, or `null` if it is new.
    pub before: Value,
    /// The object after.
    pub after: Value,
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose log.
    pub workspace_id: WorkspaceId,
    /// 1, 2, 3, … without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The admin key's id, that of the key whose holder it was, or `system`.
    pub actor: String,
    /// The session that stood for the admin key, if a browser did.
    pub session_id: Option<SessionId>,
    /// In which request.
    pub request_id: String,
    /// The address that the request came from; empty for the program itself, and for rows from before it was kept.
    pub source: String,
    /// The keyspace that it concerned, if one.
    pub keyspace_id: Option<KeyspaceId>,
    /// Such as `key.revoked`.
    pub action: String,
    /// The object's id as text.
    pub object: String,
    /// JSON text; kept as written, because the hash covers its bytes.
    pub before: String,
    /// JSON text.
    pub after: String,
    /// The hash of the row before, zeros for the first.
    pub previous_hash: [u8; 32],
    /// The hash of this row.
    pub hash: [u8; 32],
}

impl AuditEntry {
    /// Puts a draft behind the row that has `previous_hash`.
    pub fn link(actor: &Actor, at: Timestamp, draft: AuditDraft, seq: u64, previous_hash: [u8; 32]) -> Self {
        let mut entry = Self {
            workspace_id: actor.workspace_id,
            seq,
            at,
            actor: actor.name(),
            session_id: actor.session_id,
            request_id: actor.request_id.clone(),
            source: actor.source.clone(),
            keyspace_id: draft.keyspace_id,
            action: draft.action.to_owned(),
            object: draft.object,
            before: draft.before.to_string(),
            after: draft.after.to_string(),
            previous_hash,
            hash: [0; 32],
        };
        entry.hash = entry.computed_hash();
        entry
    }

    /// SHA-256 over the previous hash and every field. Texts carry their length, so that no two rows hash the same bytes.
    pub fn computed_hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"latchkey audit v1\0");
        hasher.update(self.previous_hash);
        hasher.update(self.workspace_id.0.to_le_bytes());
        hasher.update(self.seq.to_le_bytes());
        hasher.update(self.at.0.to_le_bytes());
        for text in [&self.actor, &self.request_id, &self.action, &self.object, &self.before, &self.after] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        // Rows from before these were kept have neither, and keep their hashes.
        if !self.source.is_empty() || self.keyspace_id.is_some() {
            hasher.update(b"origin\0");
            hasher.update((self.source.len() as u64).to_le_bytes());
            hasher.update(self.source.as_bytes());
            hasher.update(self.keyspace_id.map_or(0, |id| id.0).to_le_bytes());
        }
        // Rows of requests that carried the admin key itself are hashed as they were before there were sessions.
        if let Some(session) = self.session_id {
            hasher.update(b"session\0");
            hasher.update(session.0.to_le_bytes());
        }
        hasher.finalize().into()
    }
}

/// Where a log ends, as noted beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// The number of its last row.
    pub seq: u64,
    /// The hash of its last row.
    pub hash: [u8; 32],
}

/// Walks a chain from its first row.
#[derive(Clone, Debug, Default)]
pub struct ChainVerifier {
    seq: u64,
    hash: [u8; 32],
}

impl ChainVerifier {
    /// Takes the next row.
    ///
    /// # Errors
    /// What is wrong with it: a gap, a row that does not follow the one before, or changed content.
    pub fn take(&mut self, entry: &AuditEntry) -> Result<(), String> {
        let wanted = self.seq + 1;
        if entry.seq != wanted {
            return Err(format!("row {wanted} is missing: row {} follows row {}", entry.seq, self.seq));
        }
        if entry.previous_hash != self.hash {
            return Err(format!("row {wanted} does not carry the hash of the row before it"));
        }
        if entry.computed_hash() != entry.hash {
            return Err(format!("row {wanted} was changed: its content does not have its hash"));
        }
        (self.seq, self.hash) = (entry.seq, entry.hash);
        Ok(())
    }

    /// Compares with where the log is known to end. Without it, rows that were cut off the end would leave a sound chain.
    ///
    /// # Errors
    /// What is wrong.
    pub fn finish(&self, end: Option<&LogEnd>) -> Result<(), String> {
        let (seq, hash) = end.map_or((0, [0; 32]), |end| (end.seq, end.hash));
        if seq > self.seq {
            return Err(format!("row {} is missing: the log went on to row {seq}", self.seq + 1));
        }
        if seq < self.seq {
            return Err(format!("row {} is not one that was logged: the log ended with row {seq}", seq + 1));
        }
        if hash != self.hash {
            return Err(format!("row {seq} is not the one that the log ended with"));
        }
        Ok(())
    }

    /// The hash of the last row that was taken: noted elsewhere, it holds the log against whoever can rewrite all of it.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// How many rows were taken.
    pub fn rows(&self) -> u64 {
        self.seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(rows: u64) -> Vec<AuditEntry> {
        let actor = Actor::system(WorkspaceId(1), RequestId(2));
        let mut previous = [0; 32];
        (1..=rows)
            .map(|seq| {
                let draft = AuditDraft {
                    keyspace_id: Some(KeyspaceId(9)),
                    action: "key.created",
                    object: "key_x".into(),
                    before: Value::Null,
                    after: Value::Null,
                };
                let entry = AuditEntry::link(&actor, Timestamp(5), draft, seq, previous);
                previous = entry.hash;
                entry
            })
            .collect()
    }

    fn verify(rows: &[AuditEntry]) -> Result<u64, String> {
        let mut verifier = ChainVerifier::default();
        rows.iter().try_for_each(|row| verifier.take(row))?;
        Ok(verifier.rows())
    }

    #[test]
    fn an_untouched_chain_verifies() {
        assert_eq!(verify(&chain(20)), Ok(20));
    }

    #[test]
    fn a_changed_missing_or_swapped_row_shows() {
        let mut changed = chain(5);
        changed[2].object = "key_y".into();
        assert!(verify(&changed).unwrap_err().contains("row 3 was changed"));

        let mut missing = chain(5);
        missing.remove(1);
        assert!(verify(&missing).unwrap_err().contains("row 2 is missing"));

        let mut moved = chain(5);
        moved[2].source = "203.0.113.7".into();
        assert!(verify(&moved).unwrap_err().contains("row 3 was changed"));
        moved[2] = AuditEntry { keyspace_id: None, ..chain(5)[2].clone() };
        assert!(verify(&moved).unwrap_err().contains("row 3 was changed"));

        let mut disowned = chain(5);
        disowned[2].session_id = Some(SessionId(7));
        assert!(verify(&disowned).unwrap_err().contains("row 3 was changed"));

        let mut rehashed = chain(5);
        rehashed[2].actor = "adm_z".into();
        rehashed[2].hash = rehashed[2].computed_hash();
        assert!(verify(&rehashed).unwrap_err().contains("row 4 does not carry"));
    }

    #[test]
    fn rows_that_are_cut_off_or_put_behind_the_end_show() {
        let rows = chain(5);
        let end = LogEnd { seq: 5, hash: rows[4].hash };
        fn finish(rows: &[AuditEntry], end: Option<&LogEnd>) -> Result<(), String> {
            let mut verifier = ChainVerifier::default();
            rows.iter().try_for_each(|row| verifier.take(row)).unwrap();
            verifier.finish(end)
        }
        assert_eq!(finish(&rows, Some(&end)), Ok(()));
        assert_eq!(finish(&[], None), Ok(()));
        assert!(finish(&rows[..3], Some(&end)).unwrap_err().contains("row 4 is missing"));
        assert!(finish(&[], Some(&end)).unwrap_err().contains("row 1 is missing"));
        assert!(
            finish(&rows, Some(&LogEnd { seq: 4, hash: rows[3].hash }))
                .unwrap_err()
                .contains("row 5 is not one")
        );
        assert!(
            finish(&rows, Some(&LogEnd { seq: 5, hash: [0; 32] }))
                .unwrap_err()
                .contains("row 5 is not the one")
        );
    }
}
