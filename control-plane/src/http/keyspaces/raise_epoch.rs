use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::{
    FieldErrors, KeyId, KeyspaceId, LossAccepted, LostChanges, Precondition, Revocation, RevocationReason,
};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::params::PathIdBeforeVerb;
use crate::http::problem::Failure;
use crate::http::{reply, shapes};

/// Keys that one call revokes.
const MAX_REVOKED: usize = 1_000;

/// How an epoch is raised.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct RaiseEpochInput {
    /// The keyspace's id once more: what gates know and this database does not is lost by this.
    #[schema(value_type = shapes::KeyspaceId)]
    confirm: String,
    /// Why, for the audit log.
    #[schema(value_type = shapes::GraveReason)]
    reason: String,
    /// Keys that were revoked in the lost changes: they are revoked again first. At most 1,000.
    #[schema(value_type = Option<Vec<shapes::KeyId>>, max_items = 1000, example = json!([]))]
    revoke: Option<Vec<String>>,
    /// Go on although revocations may be lost and their keys work again.
    #[schema(example = true)]
    accept_lost_revocations: Option<bool>,
}

/// An epoch that was begun.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct RaisedEpochView {
    /// The new one.
    #[schema(example = 2)]
    epoch: u32,
    /// What gates knew and this database does not; `null`: nothing, or nobody knows.
    lost_changes: Option<LostChangesView>,
    /// How many keys were revoked first.
    revoked: usize,
}

/// Changes in a range of numbers of the change log.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LostChangesView {
    /// The last change that is not lost.
    after: u64,
    /// The last one that is.
    through: u64,
}

impl From<LostChanges> for LostChangesView {
    fn from(LostChanges { after, through }: LostChanges) -> Self {
        Self { after, through }
    }
}

/// Begin a new epoch, which outranks all that gates have.
///
/// For a database that was restored from a backup, and for gates that somebody else has sent far ahead: publishing goes on from what this
/// database knows. What gates know beyond that is lost, and keys that were revoked there work again, so it is refused (`LOST_REVOCATIONS`)
/// unless those keys are named or the loss is accepted. See docs/epochs.md.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}:raise-epoch",
    tag = "keyspaces",
    params(("keyspace_id" = String, Path)),
    request_body = RaiseEpochInput,
    responses(
        (status = 200, description = "Publishing goes on in the new epoch.", body = RaisedEpochView),
        (status = 409, description = "`LOST_REVOCATIONS`, and `detail` says which changes; or `EPOCHS_USED_UP`."),
    )
)]
pub(in crate::http) async fn raise_epoch(
    caller: Caller,
    State(app): State<App>,
    PathIdBeforeVerb(keyspace): PathIdBeforeVerb<KeyspaceId>,
    JsonBody(mut body): JsonBody,
) -> Result<Response, Failure> {
    body.confirm(keyspace);
    let reason = body.reason();
    let keys = body.texts("revoke").flatten().unwrap_or_default();
    let accepted = body.flag("accept_lost_revocations").flatten().unwrap_or(false);
    let mut errors = body.finish();
    app.store.keyspace(caller.workspace(), keyspace).await?;
    let keys = keys_of(&app, &caller, keyspace, keys, &mut errors).await?;
    errors.into_result()?;
    for key in &keys {
        let revocation = Revocation {
            at: app.now(),
            reason: RevocationReason::Admin,
            note: Some("its revocation was lost with the database that knew of it".to_owned()),
        };
        app.store.revoke_key(&caller.actor(), *key, Precondition::Any, revocation).await?;
    }
    let accepted = if accepted || !keys.is_empty() { LossAccepted::Yes } else { LossAccepted::No };
    let raised = app.store.raise_epoch(&caller.actor(), keyspace, reason, accepted, app.now()).await?;
    let view = RaisedEpochView {
        epoch: raised.value.epoch,
        lost_changes: raised.value.lost.map(LostChangesView::from),
        revoked: keys.len(),
    };
    Ok(reply::changed(raised.change_seq, view))
}

/// The keys that are named, all of which must be of this keyspace.
async fn keys_of(
    app: &App,
    caller: &Caller,
    keyspace: KeyspaceId,
    texts: Vec<String>,
    errors: &mut FieldErrors,
) -> Result<Vec<KeyId>, Failure> {
    if texts.len() > MAX_REVOKED {
        errors.add("/revoke", format!("must name at most {MAX_REVOKED} keys"));
        return Ok(Vec::new());
    }
    let mut keys = Vec::with_capacity(texts.len());
    for (at, text) in texts.into_iter().enumerate() {
        let field = format!("/revoke/{at}");
        let Some(id) = errors.check(&field, text.parse::<KeyId>()) else { continue };
        match app.store.key(caller.workspace(), id).await {
            Ok(key) if key.keyspace_id == keyspace => keys.push(id),
            Ok(_) | Err(crate::storage::StoreError::Refused(_)) => {
                errors.add(field, "is no key of this keyspace");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(keys)
}
