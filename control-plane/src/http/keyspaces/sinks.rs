//! The setting `sinks` of a keyspace.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::sink::{SinkDraft, SinkSecret};
use crate::domain::{KeyspaceId, Sink, SinkSetting, SinkTarget};
use crate::http::fields::{Fields, Taken};
use crate::http::problem::Failure;
use crate::http::shapes;

/// A sink. Its secret is never shown.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http) struct SinkView {
    #[schema(value_type = shapes::SinkName)]
    name: String,
    /// Which of the other fields there are depends on this.
    #[serde(rename = "type")]
    #[schema(value_type = shapes::SinkType)]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl From<Sink> for SinkView {
    fn from(sink: Sink) -> Self {
        let view = Self { name: sink.name, kind: sink.target.kind(), ..Self::default() };
        match sink.target {
            SinkTarget::Kv { account_id, namespace_id, api_base } => Self {
                account_id: Some(account_id),
                namespace_id: Some(namespace_id),
                api_base: Some(api_base),
                ..view
            },
            SinkTarget::S3 { bucket, prefix, region, endpoint, access_key_id } => Self {
                bucket: Some(bucket),
                prefix: Some(prefix),
                region: Some(region),
                endpoint,
                access_key_id: Some(access_key_id),
                ..view
            },
            SinkTarget::Gcs { bucket, prefix } => Self { bucket: Some(bucket), prefix: Some(prefix), ..view },
            SinkTarget::Folder { path } => Self { path: Some(path), ..view },
        }
    }
}

/// A place that snapshots are written to. The `secret` is sealed at once and never shown again; in a list that replaces another it may be left
/// out of a sink that otherwise stays as it was.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) enum SinkInput {
    Folder(FolderSinkInput),
    Kv(KvSinkInput),
    S3(S3SinkInput),
    Gcs(GcsSinkInput),
}

/// A folder of the control plane's machine, below its setting `sink_folder`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct FolderSinkInput {
    #[schema(value_type = shapes::FolderSink)]
    r#type: String,
    #[schema(value_type = shapes::SinkName)]
    name: String,
    /// An absolute path without `..`.
    #[schema(example = "/var/lib/latchkey-sinks/shop", pattern = "^/[^\\u0000-\\u001f]{0,511}$")]
    path: String,
}

/// A namespace of Workers KV, written through Cloudflare's API.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct KvSinkInput {
    #[schema(value_type = shapes::KvSink)]
    r#type: String,
    #[schema(value_type = shapes::SinkName)]
    name: String,
    #[schema(example = "0123456789abcdef0123456789abcdef", pattern = "^[0-9a-f]{32}$")]
    account_id: String,
    #[schema(example = "fedcba9876543210fedcba9876543210", pattern = "^[0-9a-f]{32}$")]
    namespace_id: String,
    /// Default `https://api.cloudflare.com/client/v4`.
    #[schema(value_type = Option<shapes::ServiceUrl>)]
    api_base: Option<String>,
    /// An API token that may edit Workers KV Storage.
    #[schema(value_type = Option<shapes::SinkSecret>)]
    secret: Option<String>,
}

/// A bucket of Amazon S3, Cloudflare R2 or anything else that speaks S3.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct S3SinkInput {
    #[schema(value_type = shapes::S3Sink)]
    r#type: String,
    #[schema(value_type = shapes::SinkName)]
    name: String,
    #[schema(value_type = shapes::Bucket)]
    bucket: String,
    #[schema(value_type = Option<shapes::ObjectPrefix>)]
    prefix: Option<String>,
    /// Default `us-east-1`.
    #[schema(example = "auto", pattern = "^[a-z0-9-]{1,32}$")]
    region: Option<String>,
    /// Default Amazon's own.
    #[schema(value_type = Option<shapes::ServiceUrl>)]
    endpoint: Option<String>,
    #[schema(example = "AKIAIOSFODNN7EXAMPLE", pattern = "^[A-Za-z0-9._-]{1,128}$")]
    access_key_id: String,
    /// The secret access key.
    #[schema(value_type = Option<shapes::SinkSecret>)]
    secret: Option<String>,
}

/// A bucket of Google Cloud Storage.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct GcsSinkInput {
    #[schema(value_type = shapes::GcsSink)]
    r#type: String,
    #[schema(value_type = shapes::SinkName)]
    name: String,
    #[schema(value_type = shapes::Bucket)]
    bucket: String,
    #[schema(value_type = Option<shapes::ObjectPrefix>)]
    prefix: Option<String>,
    /// The JSON key of a service account that may create, list and delete objects of the bucket.
    #[schema(example = "{\"type\": \"service_account\"}", max_length = 8192)]
    secret: Option<String>,
}

/// The fields of `sinks`.
pub(super) fn sinks(body: &mut Fields) -> Taken<Vec<SinkDraft>> {
    body.nested_list("sinks", |sink| SinkDraft {
        kind: sink.text("type").flatten(),
        name: sink.text("name").flatten(),
        account_id: sink.text("account_id").flatten(),
        namespace_id: sink.text("namespace_id").flatten(),
        api_base: sink.text("api_base").flatten(),
        bucket: sink.text("bucket").flatten(),
        prefix: sink.text("prefix").flatten(),
        region: sink.text("region").flatten(),
        endpoint: sink.text("endpoint").flatten(),
        access_key_id: sink.text("access_key_id").flatten(),
        path: sink.text("path").flatten(),
        secret: sink.text("secret").flatten().map(SinkSecret::new),
    })
}

/// Seals what is secret of checked sinks.
pub(super) fn sealed_sinks(
    app: &App,
    keyspace: KeyspaceId,
    sinks: Vec<(Sink, Option<SinkSecret>)>,
) -> Result<Vec<SinkSetting>, Failure> {
    let seal = |(sink, secret): (Sink, Option<SinkSecret>)| {
        let sealed = secret.map(|secret| app.vault.seal_sink_secret(keyspace, &sink.name, secret.expose()));
        let sealed = sealed.transpose().map_err(|error| {
            tracing::error!(%error, "a secret could not be sealed");
            Failure::Internal
        })?;
        Ok(SinkSetting { sink, sealed })
    };
    sinks.into_iter().map(seal).collect()
}
