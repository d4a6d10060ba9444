//! Workers KV: bodies by their hash, and a head for when the relay cannot be reached.

use latchkey_snapshot::Audience;
use worker::{Env, KvStore};

use super::{Unreachable, head_name, object_name};
use crate::clock;

/// The namespace's binding. Optional: without it there is no fallback.
const BINDING: &str = "LATCHKEY_KV";
const TIMEOUT_MS: u64 = 1_500;
/// The least that the platform allows: for so long a location may go on with the head that it has read.
const HEAD_CACHE_SECONDS: u64 = 30;
/// Bodies never change under their name; but that one is missing is cached as long, and it may have been asked for before the relay had copied it.
const OBJECT_CACHE_SECONDS: u64 = 3_600;

pub(crate) struct Kv(KvStore);

impl Kv {
    pub(crate) fn connect(env: &Env) -> Result<Self, Unreachable> {
        // Not logged: a deployment may go without.
        env.kv(BINDING).map(Self).map_err(|_| Unreachable)
    }

    pub(crate) async fn head(&self, audience: Audience) -> Result<Option<Vec<u8>>, Unreachable> {
        self.within(self.0.get(&head_name(audience)).cache_ttl(HEAD_CACHE_SECONDS).bytes()).await
    }

    pub(crate) async fn object(&self, sha256: &[u8; 32]) -> Result<Option<Vec<u8>>, Unreachable> {
        self.within(self.0.get(&object_name(sha256)).cache_ttl(OBJECT_CACHE_SECONDS).bytes()).await
    }

    pub(crate) async fn put_head(&self, audience: Audience, head: &[u8]) -> Result<(), Unreachable> {
        self.put(&head_name(audience), head).await
    }

    pub(crate) async fn put_object(&self, sha256: &[u8; 32], body: &[u8]) -> Result<(), Unreachable> {
        self.put(&object_name(sha256), body).await
    }

    pub(crate) async fn delete_object(&self, sha256: &[u8; 32]) -> Result<(), Unreachable> {
        self.0.delete(&object_name(sha256)).await.map_err(log)
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), Unreachable> {
        self.0.put_bytes(key, value).map_err(log)?.execute().await.map_err(log)
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, worker::KvError>>,
    ) -> Result<T, Unreachable> {
        match clock::within_ms(TIMEOUT_MS, work).await {
            Some(answer) => answer.map_err(log),
            None => Err(log(format!("no answer within {TIMEOUT_MS} ms"))),
        }
    }
}

fn log(error: impl std::fmt::Display) -> Unreachable {
    worker::console_warn!("KV could not be used: {}", error);
    Unreachable
}
