//! Webhooks themselves: rows, what they have chosen to hear of, switching on and off.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::super::mutation::Mutation;
use super::super::rows::{self, number, unsigned};
use super::backlog;
use super::events::newest;
use super::notices;
use crate::domain::audit::AuditDraft;
use crate::domain::error::ObjectKind;
use crate::domain::webhook::{
    DeliveryState, DisabledReason, EventChoice, MAX_WEBHOOKS, SignatureKind, WebhookSettings, WebhookUrl,
};
use crate::domain::{
    DomainError, EventDraft, EventType, FieldErrors, KeyspaceId, Timestamp, Webhook, WebhookId, WorkspaceId,
};
use crate::storage::{Committed, SealedWebhookSecrets, StoreError};

/// What [`read`] reads, and the secrets.
pub(super) const COLUMNS: &str = "id, workspace_id, url, description, events, keyspaces, enabled, signature, public_key, old_until, \
     failing_since, disabled_reason, disabled_at, created_at, updated_at, secret, old_secret";

pub(super) fn create(
    mutation: &mut Mutation<'_>,
    webhook: Webhook,
    sealed: &[u8],
) -> Result<Committed<Webhook>, StoreError> {
    let connection = mutation.connection();
    refuse_foreign_keyspaces(mutation, webhook.settings.keyspaces.as_deref())?;
    refuse_too_many(connection, webhook.workspace_id)?;
    let settings = &webhook.settings;
    connection
        .prepare_cached(
            "INSERT INTO webhooks (id, workspace_id, url, description, events, keyspaces, enabled, signature, secret, public_key, \
             from_event, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
        )?
        .execute(params![
            number(webhook.id.0),
            number(webhook.workspace_id.0),
            settings.url.as_str(),
            settings.description,
            rows::to_json(&settings.events.names())?,
            keyspaces_json(settings.keyspaces.as_deref())?,
            settings.enabled,
            webhook.signature.as_str(),
            sealed,
            webhook.public_key,
            number(newest(connection)?),
            webhook.created_at.0,
        ])?;
    subscribe(connection, &webhook)?;
    record(mutation, "webhook.created", Value::Null, webhook)
}

pub(super) fn update(
    mutation: &mut Mutation<'_>,
    id: WebhookId,
    settings: WebhookSettings,
) -> Result<Committed<Webhook>, StoreError> {
    let connection = mutation.connection();
    let old = stored(connection, mutation.actor().workspace_id, id)?;
    if settings.keyspaces != old.settings.keyspaces {
        refuse_foreign_keyspaces(mutation, settings.keyspaces.as_deref())?;
    }
    let before = old.audit_view();
    let is_switched_on = settings.enabled && !old.settings.enabled;
    if is_switched_on {
        connection
            .prepare_cached("UPDATE webhooks SET from_event = ?2 WHERE id = ?1")?
            .execute(params![number(id.0), number(newest(connection)?)])?;
        backlog::go_on(connection, id)?;
    } else if old.settings.enabled && !settings.enabled {
        backlog::close(connection, id)?;
    }
    let starts_anew = is_switched_on || settings.url != old.settings.url;
    let webhook = Webhook {
        failing_since: old.failing_since.filter(|_| !starts_anew),
        disabled: old.disabled.filter(|_| !settings.enabled),
        updated_at: mutation.at,
        settings,
        ..old
    };
    store(connection, &webhook)?;
    subscribe(connection, &webhook)?;
    record(mutation, "webhook.updated", before, webhook)
}

pub(super) fn delete(mutation: &mut Mutation<'_>, id: WebhookId) -> Result<Committed<()>, StoreError> {
    let connection = mutation.connection();
    let old = stored(connection, mutation.actor().workspace_id, id)?;
    unsubscribe(connection, id)?;
    backlog::clear(connection, id)?;
    // The secrets go at once; deliveries and the rest of the row go with the next round of forgetting.
    connection
        .prepare_cached(
            "UPDATE webhooks SET deleted_at = ?2, enabled = 0, secret = x'', old_secret = NULL WHERE id = ?1",
        )?
        .execute(params![number(id.0), mutation.at.0])?;
    let draft = AuditDraft {
        keyspace_id: None,
        action: "webhook.deleted",
        object: id.to_string(),
        before: old.audit_view(),
        after: Value::Null,
    };
    mutation.record_in_workspace(draft, ())
}

pub(super) fn rotate_secret(
    mutation: &mut Mutation<'_>,
    id: WebhookId,
    sealed: &[u8],
    public_key: Option<[u8; 32]>,
    old_until: Timestamp,
) -> Result<Committed<Webhook>, StoreError> {
    let connection = mutation.connection();
    let old = stored(connection, mutation.actor().workspace_id, id)?;
    let before = old.audit_view();
    connection
        .prepare_cached(
            "UPDATE webhooks SET old_secret = secret, secret = ?2, public_key = ?3, old_until = ?4, updated_at = ?5 WHERE id = ?1",
        )?
        .execute(params![number(id.0), sealed, public_key, old_until.0, mutation.at.0])?;
    let webhook = Webhook { public_key, old_secret_until: Some(old_until), updated_at: mutation.at, ..old };
    record(mutation, "webhook.secret_rotated", before, webhook)
}

/// Switches a webhook off that no longer takes anything. `false` if it was off.
pub(super) fn disable(
    mutation: &mut Mutation<'_>,
    id: WebhookId,
    reason: DisabledReason,
) -> Result<bool, StoreError> {
    let connection = mutation.connection();
    let old = stored(connection, mutation.actor().workspace_id, id)?;
    if !old.settings.enabled {
        return Ok(false);
    }
    let before = old.audit_view();
    let mut webhook = Webhook { disabled: Some((reason, mutation.at)), updated_at: mutation.at, ..old };
    webhook.settings.enabled = false;
    store(connection, &webhook)?;
    unsubscribe(connection, id)?;
    connection
        .prepare_cached(
            "UPDATE deliveries INDEXED BY deliveries_due SET state = ?2, next_at = NULL, finished_at = ?3 \
             WHERE webhook_id = ?1 AND state = 'pending'",
        )?
        .execute(params![number(id.0), DeliveryState::Failed.as_str(), mutation.at.0])?;
    backlog::give_up(connection, id, mutation.at)?;
    mutation.emit(&EventDraft {
        kind: EventType::WebhookDisabled,
        keyspace_id: None,
        key_id: None,
        data: serde_json::json!({
            "webhook_id": id,
            "webhook_url": webhook.settings.url.as_str(),
            "disabled_reason": reason.as_str(),
            "failing_since": webhook.failing_since,
        }),
    })?;
    record(mutation, "webhook.disabled", before, webhook)?;
    Ok(true)
}

fn store(connection: &Connection, webhook: &Webhook) -> Result<(), StoreError> {
    let settings = &webhook.settings;
    connection
        .prepare_cached(
            "UPDATE webhooks SET url = ?2, description = ?3, events = ?4, keyspaces = ?5, enabled = ?6, failing_since = ?7, \
             disabled_reason = ?8, disabled_at = ?9, updated_at = ?10 WHERE id = ?1",
        )?
        .execute(params![
            number(webhook.id.0),
            settings.url.as_str(),
            settings.description,
            rows::to_json(&settings.events.names())?,
            keyspaces_json(settings.keyspaces.as_deref())?,
            settings.enabled,
            webhook.failing_since.map(|at| at.0),
            webhook.disabled.map(|(reason, _)| reason.as_str()),
            webhook.disabled.map(|(_, at)| at.0),
            webhook.updated_at.0,
        ])?;
    Ok(())
}

fn subscribe(connection: &Connection, webhook: &Webhook) -> Result<(), StoreError> {
    unsubscribe(connection, webhook.id)?;
    if !webhook.settings.enabled {
        return Ok(());
    }
    notices::begin(connection, webhook.updated_at)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO webhook_subscriptions (workspace_id, type, webhook_id) VALUES (?1, ?2, ?3)",
    )?;
    for name in webhook.settings.events.names() {
        insert.execute(params![number(webhook.workspace_id.0), name, number(webhook.id.0)])?;
    }
    Ok(())
}

fn unsubscribe(connection: &Connection, id: WebhookId) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM webhook_subscriptions WHERE webhook_id = ?1")?
        .execute([number(id.0)])?;
    Ok(())
}

fn record(
    mutation: &mut Mutation<'_>,
    action: &'static str,
    before: Value,
    webhook: Webhook,
) -> Result<Committed<Webhook>, StoreError> {
    let after = webhook.audit_view();
    let draft = AuditDraft { keyspace_id: None, action, object: webhook.id.to_string(), before, after };
    mutation.record_in_workspace(draft, webhook)
}

fn refuse_foreign_keyspaces(mutation: &Mutation<'_>, ids: Option<&[KeyspaceId]>) -> Result<(), StoreError> {
    let mut errors = FieldErrors::default();
    for (at, id) in ids.unwrap_or_default().iter().enumerate() {
        if rows::keyspace(mutation.connection(), mutation.actor().workspace_id, *id)?.is_none() {
            errors.add(format!("/keyspaces/{at}"), "is not a keyspace of this workspace");
        }
    }
    Ok(errors.into_result()?)
}

fn refuse_too_many(connection: &Connection, workspace: WorkspaceId) -> Result<(), StoreError> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM webhooks WHERE workspace_id = ?1 AND deleted_at IS NULL")?
        .query_row([number(workspace.0)], |row| row.get(0))?;
    let mut errors = FieldErrors::default();
    if unsigned(count) >= MAX_WEBHOOKS {
        errors.add("", format!("a workspace has at most {MAX_WEBHOOKS} webhooks"));
    }
    Ok(errors.into_result()?)
}

/// A webhook of a workspace.
pub(super) fn stored(
    connection: &Connection,
    workspace: WorkspaceId,
    id: WebhookId,
) -> Result<Webhook, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM webhooks WHERE id = ?1 AND workspace_id = ?2 AND deleted_at IS NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row(params![number(id.0), number(workspace.0)], read).optional()?;
    found.ok_or_else(|| DomainError::NotFound(ObjectKind::Webhook).into())
}

/// An enabled webhook of any workspace, with its secrets.
pub(super) fn enabled(
    connection: &Connection,
    id: WebhookId,
) -> Result<Option<(Webhook, SealedWebhookSecrets)>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM webhooks WHERE id = ?1 AND enabled = 1 AND deleted_at IS NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([number(id.0)], |row| {
        let secrets = SealedWebhookSecrets { present: row.get("secret")?, old: row.get("old_secret")? };
        Ok((read(row)?, secrets))
    });
    Ok(found.optional()?)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let names: Vec<String> = rows::json(row, 4)?;
    let events = EventChoice::parse(&names).map_err(|_| {
        let message = "not a type of event".into();
        rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, message)
    })?;
    let keyspaces: Option<Vec<i64>> = rows::optional_json(row, 5)?;
    let reason: Option<String> = row.get(11)?;
    let reason = reason.and_then(|name| DisabledReason::from_stored(&name));
    Ok(Webhook {
        id: WebhookId(unsigned(row.get(0)?)),
        workspace_id: WorkspaceId(unsigned(row.get(1)?)),
        settings: WebhookSettings {
            url: WebhookUrl::from_stored(row.get(2)?),
            description: row.get(3)?,
            events,
            keyspaces: keyspaces.map(|ids| ids.into_iter().map(|id| KeyspaceId(unsigned(id))).collect()),
            enabled: row.get(6)?,
        },
        signature: rows::parsed(row, 7, SignatureKind::parse)?,
        public_key: row.get(8)?,
        old_secret_until: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        failing_since: row.get::<_, Option<i64>>(10)?.map(Timestamp),
        disabled: reason.zip(row.get::<_, Option<i64>>(12)?.map(Timestamp)),
        created_at: Timestamp(row.get(13)?),
        updated_at: Timestamp(row.get(14)?),
    })
}

pub(super) fn keyspaces_json(ids: Option<&[KeyspaceId]>) -> Result<Option<String>, StoreError> {
    ids.map(|ids| rows::to_json(&ids.iter().map(|id| number(id.0)).collect::<Vec<_>>())).transpose()
}
