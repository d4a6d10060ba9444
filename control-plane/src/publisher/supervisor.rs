use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::task::{Id, JoinError, JoinSet};

use super::gate_client::GateClient;
use super::{Context, forget_before, keyspace};
use anyhow::Context as _;

use crate::app::App;
use crate::config::PublisherConfig;
use crate::domain::KeyspaceId;

/// Pause before whatever failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Publishes until `stop` changes or its sender is gone.
///
/// # Errors
/// Pushes cannot be made at all.
pub async fn run(app: App, config: PublisherConfig, mut stop: watch::Receiver<()>) -> anyhow::Result<()> {
    let client = GateClient::new(config.push_timeout).context("pushes to gates cannot be made")?;
    let notices = app.store.subscribe();
    let context = Context { app, config, client };
    let mut supervisor = Supervisor { context, notices, tasks: JoinSet::new(), keyspaces: HashMap::new() };
    tokio::select! {
        () = supervisor.supervise() => {}
        _ = stop.changed() => {}
    }
    supervisor.context.app.publisher_running.send_replace(false);
    Ok(())
    // Dropping the tasks ends them. A release is noted before it is pushed, so wherever they are, nothing is half-done.
}

struct Supervisor {
    context: Context,
    notices: broadcast::Receiver<KeyspaceId>,
    tasks: JoinSet<()>,
    keyspaces: HashMap<KeyspaceId, Running>,
}

struct Running {
    task: Id,
    wake: Arc<Notify>,
}

impl Supervisor {
    async fn supervise(&mut self) {
        self.wake_all().await;
        self.context.app.publisher_running.send_replace(true);
        loop {
            tokio::select! {
                notice = self.notices.recv() => match notice {
                    Ok(id) => self.wake(id),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.wake_all().await,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.bury(ended).await,
            }
        }
    }

    async fn wake_all(&mut self) {
        loop {
            match self.context.app.store.published_keyspaces(forget_before(self.context.app.now())).await {
                Ok(ids) => return ids.into_iter().for_each(|id| self.wake(id)),
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the publisher cannot list the keyspaces"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn wake(&mut self, id: KeyspaceId) {
        let running = self.keyspaces.entry(id).or_insert_with(|| {
            let wake = Arc::new(Notify::new());
            let work = keyspace::publish(self.context.clone(), id, Arc::clone(&wake));
            Running { task: self.tasks.spawn(work).id(), wake }
        });
        running.wake.notify_one();
    }

    /// A keyspace's task ends when the keyspace was deleted and its gates know, and if it panics: then it begins again.
    async fn bury(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        let Some(id) = self.keyspaces.iter().find(|(_, running)| running.task == task).map(|(id, _)| *id)
        else {
            return;
        };
        self.keyspaces.remove(&id);
        if let Err(error) = ended {
            tracing::error!(keyspace.id = %id, %error, "publishing a keyspace failed badly and begins again");
            tokio::time::sleep(PAUSE).await;
            self.wake(id);
        }
    }
}
