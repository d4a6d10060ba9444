use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use super::view::AuditEntryView;
use crate::app::App;
use crate::domain::WorkspaceId;
use crate::http::caller::Caller;
use crate::http::problem::Failure;
use crate::http::stream::ReceiverBody;
use crate::storage::StoreError;

/// Rows that are read at once; with the channel's room this bounds the memory of an export.
const PAGE: u32 = 500;

/// Write the whole log as NDJSON, oldest row first.
#[utoipa::path(
    get,
    path = "/v1/audit:export",
    tag = "audit",
    responses((status = 200, description = "A row in each line.", body = AuditEntryView, content_type = "application/x-ndjson"))
)]
pub(in crate::http) async fn export_audit(
    caller: Caller,
    State(app): State<App>,
) -> Result<Response, Failure> {
    let (sender, receiver) = mpsc::channel(1);
    let workspace = caller.workspace();
    tokio::spawn(async move {
        if let Err(error) = send_all(&app, workspace, &sender).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an export of the audit log was cut off"
            );
            // The reader must not take half a log for all of it.
            let _ = sender.send(Err(std::io::Error::other("the export was cut off"))).await;
        }
    });
    let body = Body::new(ReceiverBody::new(receiver));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

type Part = Result<Bytes, std::io::Error>;

async fn send_all(app: &App, workspace: WorkspaceId, sender: &mpsc::Sender<Part>) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let page = app.store.audit_entries(workspace, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        let mut lines = Vec::new();
        for entry in page {
            lines.extend(serde_json::to_vec(&AuditEntryView::from(entry)).unwrap_or_default());
            lines.push(b'\n');
        }
        if sender.send(Ok(lines.into())).await.is_err() {
            return Ok(());
        }
    }
}
