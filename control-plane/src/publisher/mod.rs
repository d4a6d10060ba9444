//! The publisher: carries what is in the change log to the gates, as signed snapshots.
//!
//! One supervisor for the process starts a task for each keyspace, so that a keyspace whose base is being built never holds up
//! another's revocation, and each of those has a task for each gate, so that a gate that does not answer never holds up another.
//!
//! A release goes through these steps, and none is skipped:
//! 1. read what changed ([`crate::storage::PublicationStore::changes_since`]);
//! 2. encode it as a segment (`segments`), or have a new base built beside (`base`);
//! 3. sign a head, and have a gate of our own (`twin`) verify and load all of it with the edge's code;
//! 4. note head and bodies in one transaction, so that a number is never used for two heads, not even after a crash;
//! 5. let the gate tasks push it (`push`) and the sink tasks write it (`sinks`): bodies first, head last.
//!
//! Before the first of them after a start, and before a gate gets its first, gates are asked whether they are ahead of the database
//! (`timeline`): then it is an old copy, and nothing is published until an operator has raised the epoch.
//!
//! What gates say of what they get (`propagation`) shows how far it has come. If no gate takes it, and they say that it is bad
//! (`refusals`), publishing is paused: revocations go on over the last release that gates took, everything else waits for an operator.
//!
//! After a restart the last release is taken up from the database, signed anew and pushed to every gate.

mod base;
mod building;
mod content;
mod export;
mod gate_client;
mod guard;
mod hearing;
mod keyspace;
mod lanes;
mod log;
mod measure;
mod propagation;
mod push;
mod recent;
mod refusals;
mod release;
mod replica;
mod segments;
mod signers;
mod sinks;
mod supervisor;
mod timeline;
mod twin;
mod upstream;
mod walk;

pub use crate::domain::{HeldBase, HoldReason};
pub use export::{Export, Portion, export};
#[doc(hidden)]
pub use measure::{MeasuredBase, measure};
pub use propagation::{Confirmations, GateState, Isolate, Mark, Propagation, PushError, Wanted};
pub use replica::Replicas;
pub use sinks::{SinkState, SinkStates};
pub use supervisor::run;

use self::gate_client::GateClient;
use crate::app::App;
use crate::config::PublisherConfig;
use crate::domain::{KeyspaceId, Timestamp};
use crate::seal::SealError;
use crate::storage::StoreError;

/// For this long a gate can still tell a revoked or expired key from an unknown one; then the base forgets it.
const REMEMBERED_DAYS: i64 = 30;

/// What is shown of a gate or sink that is ahead of the database.
const FOREIGN_HEAD: &str = "it has a head that this database never signed, so nothing is published";

fn forget_before(now: Timestamp) -> Timestamp {
    now.plus_days(-REMEMBERED_DAYS)
}

/// What every task of the publisher shares.
#[derive(Clone)]
struct Context {
    app: App,
    config: PublisherConfig,
    client: GateClient,
}

/// Why something was not published. Nothing was released then.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our own check refused what we made: a fault of ours, caught before any gate saw it.
    #[error("the snapshot did not pass its own verification ({0}) and was not released")]
    Unverified(String),
    #[error("a snapshot could not be encoded: {0}")]
    Encoding(latchkey_snapshot::Refusal),
    #[error("a sealed secret of the keyspace cannot be used: {0}")]
    Sealed(#[from] SealError),
    #[error("no signing key of the keyspace may sign now; look at `latchkey signing-keys list`")]
    NoSigner,
    #[error(
        "the revocations since publishing was paused do not fit into a head; kill the keyspace, or end the pause by `latchkey snapshot resume {0}`"
    )]
    NoRoom(KeyspaceId),
    #[error("the base could not be built: {0}")]
    Interrupted(String),
}

impl PublishError {
    fn refused(refusal: latchkey_snapshot::Refusal) -> Self {
        Self::Unverified(refusal.to_string())
    }
}

impl From<PublishError> for PushError {
    fn from(error: PublishError) -> Self {
        Self { code: "INTERNAL".to_owned(), message: error.to_string() }
    }
}
