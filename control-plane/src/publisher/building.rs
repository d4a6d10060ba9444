//! A base that is being built beside publishing.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::base::{self, NewBase};
use super::{PublishError, guard, twin};
use crate::domain::{KeyspaceId, Timestamp};
use crate::storage::Store;

/// The task that builds it. It gives way to whoever writes, until it is told to hurry.
pub(super) struct Building {
    task: JoinHandle<Result<NewBase, PublishError>>,
    hurry: watch::Sender<bool>,
}

impl Building {
    pub(super) fn start(
        store: Arc<dyn Store>,
        id: KeyspaceId,
        now: Timestamp,
        earlier: Option<NewBase>,
    ) -> Self {
        let (hurry, hurried) = watch::channel(false);
        Self { task: tokio::spawn(build(store, id, now, earlier, hurried)), hurry }
    }

    /// From now on it does not give way.
    pub(super) fn hurry(&self) {
        self.hurry.send_replace(true);
    }

    /// The outcome. May be asked for again if nobody waited for it to the end.
    pub(super) async fn finished(&mut self) -> Result<NewBase, PublishError> {
        let outcome = (&mut self.task).await;
        outcome.unwrap_or_else(|error| Err(PublishError::Interrupted(error.to_string())))
    }
}

/// Builds a base and takes it in as gates will, which takes as long again: neither may hold a revocation up.
pub(super) async fn build(
    store: Arc<dyn Store>,
    id: KeyspaceId,
    now: Timestamp,
    earlier: Option<NewBase>,
    hurried: watch::Receiver<bool>,
) -> Result<NewBase, PublishError> {
    let checked = earlier.iter().flat_map(NewBase::bodies).collect();
    let built = base::build(Arc::clone(&store), id, now, earlier, hurried).await?;
    twin::check_base(store.as_ref(), id, &built.named, &checked).await?;
    guard::count_again(store.as_ref(), id, &built).await?;
    Ok(built)
}

/// The outcome of what is being built; if that is nothing, it never comes.
pub(super) async fn finished(building: &mut Option<Building>) -> Result<NewBase, PublishError> {
    match building {
        Some(building) => building.finished().await,
        None => std::future::pending().await,
    }
}
