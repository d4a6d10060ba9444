//! A base that is being built beside publishing.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::PublishError;
use super::base::{self, NewBase};
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
        Self { task: tokio::spawn(base::build(store, id, now, earlier, hurried)), hurry }
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

/// The outcome of what is being built; if that is nothing, it never comes.
pub(super) async fn finished(building: &mut Option<Building>) -> Result<NewBase, PublishError> {
    match building {
        Some(building) => building.finished().await,
        None => std::future::pending().await,
    }
}
