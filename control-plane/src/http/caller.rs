use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use latchkey_token::{Digest, credential, digest, parse};

use super::access::{Breadth, Needs};
use super::middleware::{NotedQuota, RequestName};
use super::problem::Failure;
use super::session::{cookie, csrf};
use crate::app::App;
use crate::domain::error::ObjectKind;
use crate::domain::session::Session;
use crate::domain::{Actor, AdminKey, DomainError, KeyId, KeyspaceId, WorkspaceId};

/// Whoever presented an admin key that is good for the operation, or the cookie of a session that stands for one. A handler that does not ask for it has no workspace to
/// query with.
#[derive(Clone)]
pub(super) struct Caller(Arc<Admitted>);

struct Admitted {
    admin_key: AdminKey,
    session: Option<Session>,
    request: String,
    source: String,
}

impl Caller {
    pub(super) fn workspace(&self) -> WorkspaceId {
        self.0.admin_key.workspace_id
    }

    pub(super) fn admin_key(&self) -> &AdminKey {
        &self.0.admin_key
    }

    /// The session that stands for the admin key.
    ///
    /// # Errors
    /// The request carries the admin key itself.
    pub(super) fn session(&self) -> Result<&Session, Failure> {
        let session = self.0.session.as_ref();
        session.ok_or_else(|| refused("this is for browsers that are signed in, by their cookie"))
    }

    pub(super) fn actor(&self) -> Actor {
        Actor {
            workspace_id: self.0.admin_key.workspace_id,
            admin_key_id: Some(self.0.admin_key.id),
            session_id: self.0.session.as_ref().map(|session| session.id),
            holder: None,
            request_id: self.0.request.clone(),
            source: self.0.source.clone(),
        }
    }

    /// For operations that learn only from the body, or from what they find, which keyspace they are about.
    ///
    /// # Errors
    /// The admin key is limited to other keyspaces; the answer is that of an object that does not exist.
    pub(super) fn require_reach(&self, keyspace: KeyspaceId, asked_for: ObjectKind) -> Result<(), Failure> {
        if self.0.admin_key.reaches(keyspace) {
            Ok(())
        } else {
            Err(Failure::Refused(DomainError::NotFound(asked_for)))
        }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let (admin_key, session) = authenticate(parts, app).await?;
        let quota = app.rate_limits.take(admin_key.id, app.now());
        if let Some(noted) = parts.extensions.get::<NotedQuota>() {
            let _ = noted.0.set(quota);
        }
        if quota.exceeded {
            return Err(Failure::RateLimited);
        }
        let Some(needs) = parts.extensions.get::<Needs>().copied() else {
            tracing::error!(
                path = parts.uri.path(),
                "the route table does not say what this operation needs"
            );
            return Err(Failure::Internal);
        };
        if let Some(scope) = needs.scope.filter(|scope| !admin_key.scopes.allow(*scope)) {
            return Err(Failure::InsufficientScope(format!(
                "the admin key lacks the scope {}",
                scope.as_str()
            )));
        }
        if needs.breadth == Breadth::ByPath && admin_key.keyspaces.is_some() {
            require_reach_of_path(parts, app, &admin_key).await?;
        }
        let request = parts.extensions.get::<RequestName>().map_or_else(String::new, |name| name.0.clone());
        // The peer itself: what a proxy says of its client is only a claim.
        let source = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let source = source.map_or_else(String::new, |info| info.0.ip().to_canonical().to_string());
        let caller = Self(Arc::new(Admitted { admin_key, session, request, source }));
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// What a caller says outranks the cookie that a browser sends along.
async fn authenticate(parts: &Parts, app: &App) -> Result<(AdminKey, Option<Session>), Failure> {
    if !parts.headers.contains_key(AUTHORIZATION)
        && let Some(token) = cookie::presented(&parts.headers)?
    {
        let (admin_key, session) = by_session(parts, app, token).await?;
        return Ok((admin_key, Some(session)));
    }
    Ok((by_admin_key(parts, app).await?, None))
}

async fn by_session(parts: &Parts, app: &App, token: &str) -> Result<(AdminKey, Session), Failure> {
    let over = || refused("the session is over; sign in again");
    let now = app.now();
    let found = app.store.presented_session(digest(token.as_bytes()).0).await?;
    let (session, admin_key) = found.filter(|(session, _)| session.works(now)).ok_or_else(over)?;
    let admin_key = require_works(admin_key, app)?;
    csrf::check(parts, token)?;
    if session.is_due(now) {
        app.store.note_session_use(session.id, now).await?;
    }
    Ok((admin_key, session))
}

async fn by_admin_key(parts: &Parts, app: &App) -> Result<AdminKey, Failure> {
    let value = one_authorization(parts, "send `Authorization: Bearer` and an admin key")?;
    let token = credential::bearer(value.as_bytes()).map_err(|error| refused(&error.to_string()))?;
    let token = parse(token).map_err(|error| refused(&format!("not an admin key: {error}")))?;
    known_admin_key(app, token.digest()).await
}

/// The admin key whose token has this digest. Asked of the store each time, so that a revoked key is of no use from the next request on.
///
/// # Errors
/// There is none, or it works no longer.
pub(super) async fn known_admin_key(app: &App, digest: Digest) -> Result<AdminKey, Failure> {
    let admin_key = app.store.presented_admin_key(digest.0).await?;
    require_works(admin_key.ok_or_else(|| refused("this admin key is not known here"))?, app)
}

fn require_works(admin_key: AdminKey, app: &App) -> Result<AdminKey, Failure> {
    match (admin_key.revoked_at, admin_key.works(app.now())) {
        (Some(at), _) => Err(refused(&format!("this admin key was revoked at {at}"))),
        (None, false) => Err(refused("this admin key has expired")),
        (None, true) => Ok(admin_key),
    }
}

/// Keeps an admin key that is limited to keyspaces from objects of others, and from what is about all of them.
async fn require_reach_of_path(parts: &mut Parts, app: &App, admin_key: &AdminKey) -> Result<(), Failure> {
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| Failure::Internal)?;
    let mut values = params.iter().map(|(_, value)| value.split(':').next().unwrap_or_default());
    let outside = |kind| Failure::Refused(DomainError::NotFound(kind));
    match values.next() {
        None => Err(Failure::InsufficientScope(
            "the admin key is limited to keyspaces, and this operation is about the whole workspace"
                .to_owned(),
        )),
        Some(first) => {
            if let Ok(keyspace) = first.parse::<KeyspaceId>() {
                return if admin_key.reaches(keyspace) { Ok(()) } else { Err(outside(ObjectKind::Keyspace)) };
            }
            if let Ok(key) = first.parse::<KeyId>() {
                let key = app.store.key(admin_key.workspace_id, key).await?;
                return if admin_key.reaches(key.keyspace_id) {
                    Ok(())
                } else {
                    Err(outside(ObjectKind::Key))
                };
            }
            // Malformed, which the handler says better; or an id of a kind that belongs to no keyspace.
            Err(Failure::InsufficientScope(
                "the admin key is limited to keyspaces, and the path names none of them".to_owned(),
            ))
        }
    }
}

/// The one Authorization header. `wanted` says what to send if there is none.
pub(super) fn one_authorization<'a>(parts: &'a Parts, wanted: &str) -> Result<&'a HeaderValue, Failure> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| refused(wanted))?;
    // Two credentials in one request: another program in front may have checked the other one.
    if values.next().is_some() {
        return Err(refused("send one Authorization header, not several"));
    }
    Ok(value)
}

fn refused(detail: &str) -> Failure {
    Failure::Unauthorized(detail.to_owned())
}
