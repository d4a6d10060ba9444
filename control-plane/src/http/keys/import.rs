use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::import_stream::Import;
use super::restrictions::{ImportableRestrictionsInput, importable_restrictions};
use crate::app::App;
use crate::domain::key_import::{check_start, parse_digest};
use crate::domain::{ImportOutcome, KeyDraft, KeyId, KeyImport, KeyspaceId};
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::lines::{LINE_BYTES, Line, LinesBody};
use crate::http::params::PathId;
use crate::http::problem::{Failure, FieldProblem};
use crate::http::shapes;
use crate::http::stream::ReceiverBody;

/// A line of an import: one key. Of a key that is there already, absent fields stay as they are.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; `Fields` reads it")]
pub(in crate::http) struct ImportLineInput {
    #[serde(flatten)]
    restrictions: ImportableRestrictionsInput,
    /// The key's name in the other system, 1 to 128 bytes: a key that has it already is changed, not made again.
    #[schema(value_type = shapes::ExternalId)]
    external_id: String,
    /// SHA-256 of the token's bytes: 64 hexadecimal digits, or base64 (also base64url).
    #[schema(value_type = shapes::Digest)]
    digest: String,
    /// What people recognise the token by, at most 24 characters; never the token. Default empty. It does not change afterwards.
    #[schema(example = "old_ab12", max_length = 24)]
    start: Option<String>,
    /// See creation.
    #[schema(value_type = Option<shapes::Name>)]
    name: Option<String>,
    /// See creation.
    #[schema(value_type = Option<shapes::Owner>)]
    owner: Option<String>,
    /// See creation. It does not change afterwards.
    #[schema(value_type = Option<shapes::Environment>)]
    environment: Option<String>,
    /// See creation.
    #[schema(value_type = Option<HashSet<shapes::Grant>>, max_items = 64, example = json!(["items:*"]))]
    permissions: Option<Vec<String>>,
    /// See creation.
    #[schema(value_type = Option<HashSet<shapes::RoleName>>, max_items = 64, example = json!([]))]
    roles: Option<Vec<String>>,
    /// See creation.
    #[schema(example = "2099-12-31T23:59:59Z", format = DateTime)]
    expires_at: Option<String>,
    /// See creation.
    #[schema(example = json!({"plan": "free"}))]
    metadata: Option<Map<String, Value>>,
    /// See creation.
    #[schema(value_type = Option<HashSet<shapes::Tag>>, max_items = 32, example = json!(["ci"]))]
    tags: Option<Vec<String>>,
}

/// What became of a line, or of all of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum ImportResultView {
    Line(ImportedLineView),
    Done(ImportDoneView),
}

/// What became of a line.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct ImportedLineView {
    /// The line's number, from 1.
    pub(super) line: u64,
    #[schema(value_type = shapes::ImportOutcome)]
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = shapes::KeyId, required = false)]
    pub(super) key_id: Option<KeyId>,
    /// The kind of error, as in problems.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "NAME_TAKEN")]
    pub(super) code: Option<&'static str>,
    /// What is wrong; `/` is the whole line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<FieldProblem>,
}

/// The last line: how many lines became what.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
pub(in crate::http) struct ImportDoneView {
    /// Always true. An answer without this line was cut off; sending the same again is harmless.
    pub(super) done: bool,
    pub(super) created: u64,
    pub(super) unchanged: u64,
    pub(super) updated: u64,
    pub(super) errors: u64,
}

/// Import keys of another system by the hashes of their tokens.
///
/// Body and answer are NDJSON and flow at the same time, so a caller reads the answer while it sends. Every line is answered in its
/// order; empty ones are passed over, and one of more than 65,536 bytes is an error. A bad line does not stop the rest. Sending the same
/// lines again changes nothing: keys are recognised by `external_id`.
///
/// Keys are imported whatever their tokens look like, but gates take tokens that are not Latchkey's only if the keyspace has
/// `foreign_tokens`.
#[utoipa::path(
    post,
    path = "/v1/keyspaces/{keyspace_id}/keys:import",
    tag = "keys",
    params(("keyspace_id" = String, Path)),
    request_body(content = ImportLineInput, content_type = "application/x-ndjson", description = "A key in each line."),
    responses((status = 200, description = "A result for each line, then their sum.", body = ImportResultView, content_type = "application/x-ndjson"))
)]
pub(in crate::http) async fn import_keys(
    caller: Caller,
    State(app): State<App>,
    PathId(keyspace): PathId<KeyspaceId>,
    lines: LinesBody,
) -> Result<Response, Failure> {
    app.store.keyspace(caller.workspace(), keyspace).await?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(Import { app, actor: caller.actor(), keyspace, sender }.run(lines));
    let body = Body::new(ReceiverBody::new(receiver));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// Reads one line; `None` if it is empty.
pub(super) fn read_line(app: &App, line: Line) -> Option<Result<KeyImport, Failure>> {
    let line = match line {
        Line::Whole(line) => line,
        Line::TooLong => return Some(Err(Failure::BodyTooLarge(LINE_BYTES))),
    };
    if line.trim_ascii().is_empty() {
        return None;
    }
    Some(match serde_json::from_slice(&line) {
        Ok(Value::Object(object)) => read_key(app, Fields::of(object)),
        Ok(_) => Err(Failure::MalformedJson("the line must be a JSON object".to_owned())),
        Err(error) => Err(Failure::MalformedJson(error.to_string())),
    })
}

fn read_key(app: &App, mut line: Fields) -> Result<KeyImport, Failure> {
    let (external_id, digest) = (line.text("external_id").flatten(), line.text("digest").flatten());
    let start = line.text("start").flatten();
    let draft = KeyDraft {
        name: line.text("name").flatten(),
        owner: line.text("owner").flatten(),
        environment: line.text("environment").flatten(),
        permissions: line.texts("permissions").flatten(),
        roles: line.texts("roles").flatten(),
        expires_at: line.text("expires_at"),
        metadata: line.object("metadata").flatten(),
        tags: line.texts("tags").flatten(),
        restrictions: importable_restrictions(&mut line),
        ..KeyDraft::default()
    };
    let mut errors = line.finish();
    let external_id = errors.required("/external_id", external_id);
    let digest = errors.required("/digest", digest);
    let digest = digest.and_then(|text| errors.check("/digest", parse_digest(&text)));
    let start = errors.check("/start", check_start(start.unwrap_or_default(), digest));
    match (errors.into_result(), external_id, digest, start) {
        (Ok(()), Some(external_id), Some(digest), Some(start)) => {
            Ok(KeyImport { id: app.next_id(), secret_id: app.next_id(), digest, start, external_id, draft })
        }
        (Ok(()), ..) => Err(Failure::Internal),
        (Err(errors), ..) => Err(errors.into()),
    }
}

impl ImportDoneView {
    /// Counts a line and makes its answer.
    pub(super) fn count(
        &mut self,
        line: u64,
        result: Result<(ImportOutcome, KeyId), Failure>,
    ) -> ImportResultView {
        ImportResultView::Line(match result {
            Ok((outcome, key_id)) => {
                let (outcome, counter) = match outcome {
                    ImportOutcome::Created => ("created", &mut self.created),
                    ImportOutcome::Unchanged => ("unchanged", &mut self.unchanged),
                    ImportOutcome::Updated => ("updated", &mut self.updated),
                };
                *counter += 1;
                ImportedLineView { line, outcome, key_id: Some(key_id), code: None, errors: Vec::new() }
            }
            Err(failure) => {
                self.errors += 1;
                let (code, errors) = failure.of_one_input();
                ImportedLineView { line, outcome: "error", key_id: None, code: Some(code), errors }
            }
        })
    }
}
