use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// A body whose parts another task sends. The channel's room bounds how far that task runs ahead of a slow reader.
pub(super) struct ReceiverBody(mpsc::Receiver<io::Result<Bytes>>);

impl ReceiverBody {
    pub(super) fn new(parts: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self(parts)
    }
}

impl Body for ReceiverBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}
