//! The place that a sink's settings name.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::kv::Kv;
use super::super::object::Objects;
use super::super::target::{SinkError, Target};
use super::Writer;
use crate::domain::SinkTarget;

impl Writer {
    /// `sealed` is the sink's secret.
    pub(super) fn open(&self, sealed: Option<&[u8]>) -> Result<Arc<dyn Target>, SinkError> {
        let secret = || {
            let unusable = |message: String| SinkError::new("UNUSABLE", message);
            let sealed = sealed.ok_or_else(|| unusable("the sink has no secret; give it one".to_owned()))?;
            let opened = self.context.app.vault.open_sink_secret(self.id, &self.sink.name, sealed);
            let opened = opened.map_err(|error| unusable(error.to_string()))?;
            let text = std::str::from_utf8(&opened).map(|text| Zeroizing::new(text.to_owned()));
            text.map_err(|_| unusable("the secret is not a text".to_owned()))
        };
        Ok(match &self.sink.target {
            SinkTarget::Kv { account_id, namespace_id, api_base } => {
                let client = self.context.client.http().clone();
                Arc::new(Kv::new(client, api_base, account_id, namespace_id, secret()?))
            }
            SinkTarget::S3 { bucket, prefix, region, endpoint, access_key_id } => {
                let endpoint = endpoint.as_deref();
                Arc::new(Objects::s3(bucket, prefix, region, endpoint, access_key_id, &secret()?)?)
            }
            SinkTarget::Gcs { bucket, prefix } => Arc::new(Objects::gcs(bucket, prefix, &secret()?)?),
            SinkTarget::Folder { path } => {
                Arc::new(Objects::folder(path, self.context.config.sink_folder.as_deref())?)
            }
        })
    }
}
