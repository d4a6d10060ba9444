use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::SqliteStore;
use super::rows::number;
use crate::domain::{AdminKeyId, Timestamp};
use crate::storage::{Claim, IdempotencyStore, StoreError};

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn claim_request(
        &self,
        admin_key: AdminKeyId,
        name: String,
        request: [u8; 32],
        at: Timestamp,
        forget_before: Timestamp,
    ) -> Result<Claim, StoreError> {
        self.keep(move |connection| {
            connection
                .prepare_cached("DELETE FROM idempotency WHERE claimed_at < ?1")?
                .execute([forget_before.0])?;
            let held: Option<([u8; 32], Option<Vec<u8>>)> = connection
                .prepare_cached("SELECT request, answer FROM idempotency WHERE admin_key_id = ?1 AND name = ?2")?
                .query_row(params![number(admin_key.0), name], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match held {
                Some((first, _)) if first != request => return Ok(Claim::OtherRequest),
                Some((_, Some(answer))) => return Ok(Claim::Answered(answer)),
                Some((_, None)) => return Ok(Claim::InFlight),
                None => {}
            }
            connection
                .prepare_cached(
                    "INSERT INTO idempotency (admin_key_id, name, request, claimed_at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![number(admin_key.0), name, request, at.0])?;
            Ok(Claim::New)
        })
        .await
    }

    async fn keep_answer(
        &self,
        admin_key: AdminKeyId,
        name: String,
        sealed: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.keep(move |connection| {
            connection
                .prepare_cached("UPDATE idempotency SET answer = ?3 WHERE admin_key_id = ?1 AND name = ?2")?
                .execute(params![number(admin_key.0), name, sealed])?;
            Ok(())
        })
        .await
    }

    async fn release_request(&self, admin_key: AdminKeyId, name: String) -> Result<(), StoreError> {
        self.keep(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM idempotency WHERE admin_key_id = ?1 AND name = ?2 AND answer IS NULL",
                )?
                .execute(params![number(admin_key.0), name])?;
            Ok(())
        })
        .await
    }
}
