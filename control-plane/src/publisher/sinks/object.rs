//! Object stores and folders, through the crate `object_store`.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::AmazonS3Builder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutOptions, RetryConfig,
};

use super::body_name;
use super::heard::Heard;
use super::target::{Arrived, Batch, Outgoing, SinkError, Target};

/// Writes at a time.
const CONCURRENCY: usize = 8;
/// Google takes one write a second of one name; the others need none, and nobody a head more often.
const HEAD_INTERVAL: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one object, which has 1 MiB at most.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A head has 2,048 at most.
const HEAD_BYTES: u64 = 4_096;

pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// What stands before all names.
    prefix: Path,
    /// Whether objects can be told how they may be cached.
    has_attributes: bool,
    heard: Heard,
}

impl Objects {
    pub(super) fn s3(
        bucket: &str,
        prefix: &str,
        region: &str,
        endpoint: Option<&str>,
        access_key_id: &str,
        secret: &str,
    ) -> Result<Self, SinkError> {
        let heard = Heard::default();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_access_key_id(access_key_id)
            .with_secret_access_key(secret)
            .with_retry(no_retries())
            .with_client_options(client_options())
            .with_http_connector(heard.clone());
        if let Some(endpoint) = endpoint {
            // Checked when it was set: without encryption only to this machine.
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let store = builder.build().map_err(|error| unusable(&error))?;
        Self::new(Arc::new(store), prefix, heard)
    }

    pub(super) fn gcs(bucket: &str, prefix: &str, key: &str) -> Result<Self, SinkError> {
        let heard = Heard::default();
        let store = GoogleCloudStorageBuilder::new()
            .with_bucket_name(bucket)
            .with_service_account_key(key)
            .with_retry(no_retries())
            .with_client_options(client_options())
            .with_http_connector(heard.clone())
            .build()
            .map_err(|error| unusable(&error))?;
        Self::new(Arc::new(store), prefix, heard)
    }

    /// `allowed` is the folder that the operator has set aside for sinks: admins choose the path, and must not choose any other.
    pub(super) fn folder(path: &str, allowed: Option<&FilePath>) -> Result<Self, SinkError> {
        let Some(allowed) = allowed else {
            let message =
                "no folders are written to until the control plane's setting sink_folder names one for them";
            return Err(SinkError::new("NOT_PERMITTED", message));
        };
        let path = make_folder(FilePath::new(path), allowed)?;
        let store = LocalFileSystem::new_with_prefix(path).map_err(|error| unusable(&error))?;
        let store = Arc::new(store.with_fsync(true));
        Ok(Self { store, prefix: Path::default(), has_attributes: false, heard: Heard::default() })
    }

    fn new(store: Arc<dyn ObjectStore>, prefix: &str, heard: Heard) -> Result<Self, SinkError> {
        let prefix = Path::parse(prefix).map_err(|error| SinkError::new("REFUSED", error))?;
        Ok(Self { store, prefix, has_attributes: true, heard })
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    async fn put(&self, name: &str, bytes: Vec<u8>, caching: &'static str) -> Result<(), SinkError> {
        let mut attributes = Attributes::new();
        if self.has_attributes {
            attributes.insert(Attribute::CacheControl, caching.into());
            attributes.insert(Attribute::ContentType, "application/octet-stream".into());
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        let put = self.store.put_opts(&self.path(name), bytes.into(), options).await;
        put.map(drop).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &Error) -> SinkError {
        match (error, self.heard.take()) {
            (Error::NotFound { .. }, _) => SinkError::new("NOT_FOUND", chain(error)),
            (_, Some(refused)) => {
                SinkError::answered(refused.status, chain(error)).retry_after(refused.retry_after)
            }
            _ => SinkError::new("UNAVAILABLE", chain(error)),
        }
    }
}

#[async_trait]
impl Target for Objects {
    fn batch(&self) -> Batch {
        Batch { bodies: 256, bytes: 16 << 20 }
    }

    fn head_interval(&self) -> Duration {
        HEAD_INTERVAL
    }

    async fn list(&self) -> Result<Vec<String>, SinkError> {
        let prefix = Some(&self.prefix).filter(|prefix| !prefix.is_root());
        let found = self.store.list(prefix).try_filter_map(|object| async move {
            let parts = object.location.prefix_match(&self.prefix);
            let parts = parts.map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>());
            Ok(parts.map(|parts| parts.join("/")))
        });
        match found.try_collect().await {
            // A folder that nothing was written to yet.
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            found => found.map_err(|error| self.failed(&error)),
        }
    }

    async fn get_head(&self, name: &str) -> Result<Option<Vec<u8>>, SinkError> {
        let found = match self.store.get(&self.path(name)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        if found.meta.size > HEAD_BYTES {
            return Ok(None);
        }
        let bytes = found.bytes().await.map_err(|error| self.failed(&error))?;
        Ok(Some(bytes.to_vec()))
    }

    async fn put_bodies(&self, bodies: Vec<Outgoing>) -> Arrived {
        let puts = bodies.into_iter().map(|Outgoing { hash, bytes }| async move {
            // It never changes under its name.
            let put = self.put(&body_name(&hash), bytes, "public, max-age=31536000, immutable").await;
            put.map(|()| hash)
        });
        let mut puts = stream::iter(puts).buffer_unordered(CONCURRENCY);
        let mut arrived = Arrived::default();
        while let Some(put) = puts.next().await {
            match put {
                Ok(hash) => arrived.bodies.push(hash),
                Err(failure) => {
                    arrived.failure = Some(failure);
                    break;
                }
            }
        }
        arrived
    }

    async fn put_head(&self, name: &str, head: &[u8]) -> Result<(), SinkError> {
        self.put(name, head.to_vec(), "no-cache").await
    }

    async fn delete_bodies(&self, hashes: &[[u8; 32]]) -> Result<(), SinkError> {
        let paths: Vec<_> = hashes.iter().map(|hash| Ok(self.path(&body_name(hash)))).collect();
        let mut deleted = self.store.delete_stream(stream::iter(paths).boxed());
        while let Some(outcome) = deleted.next().await {
            match outcome {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }
}

/// Makes the folder of a sink. No link on the way leads out of what is allowed.
fn make_folder(path: &FilePath, allowed: &FilePath) -> Result<PathBuf, SinkError> {
    let refused = || {
        let message =
            "the folder of a sink must lie below the one that the control plane's setting sink_folder names";
        SinkError::new("NOT_PERMITTED", message)
    };
    let failed = |error: std::io::Error| SinkError::new("UNAVAILABLE", error);
    if !path.starts_with(allowed) {
        return Err(refused());
    }
    std::fs::create_dir_all(path).map_err(failed)?;
    let (path, allowed) = (path.canonicalize().map_err(failed)?, allowed.canonicalize().map_err(failed)?);
    if path.starts_with(&allowed) { Ok(path) } else { Err(refused()) }
}

fn client_options() -> ClientOptions {
    ClientOptions::new().with_timeout(TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT)
}

/// The writer repeats by itself, and knows what is worth repeating.
fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn unusable(error: &Error) -> SinkError {
    SinkError::new("UNUSABLE", chain(error))
}

/// The innermost cause is the one that people can act on.
fn chain(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let (outer, inner) = (error.to_string(), cause.to_string());
    if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
}
