use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use http_body::Body as _;

use super::problem::Failure;
use crate::app::App;

/// Bytes of one line.
pub(super) const LINE_BYTES: usize = 64 * 1_024;

/// A body of lines that are read while it arrives. Holds no more of it than one line and one piece as the network gives it.
pub(super) struct LinesBody {
    body: Body,
    piece: Bytes,
    line: Vec<u8>,
    too_long: bool,
    ended: bool,
}

/// A line without its end.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Whole(Vec<u8>),
    /// Longer than [`LINE_BYTES`]; it was not kept.
    TooLong,
}

/// The body broke off. Its last line may be half of one and is not given out.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl FromRequest<App> for LinesBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Result<Self, Failure> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/x-ndjson" {
            return Err(Failure::NotNdjson);
        }
        Ok(Self::of(request.into_body()))
    }
}

impl LinesBody {
    fn of(body: Body) -> Self {
        Self { body, piece: Bytes::new(), line: Vec::new(), too_long: false, ended: false }
    }

    /// The next line, `None` at the end. A call that is dropped while it waits loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, BrokenOff> {
        loop {
            if let Some(at) = self.piece.iter().position(|byte| *byte == b'\n') {
                let end = self.piece.split_to(at + 1);
                self.take(&end[..at]);
                return Ok(Some(self.finish()));
            }
            let rest = std::mem::take(&mut self.piece);
            self.take(&rest);
            if self.ended {
                let last = self.too_long || !self.line.is_empty();
                return Ok(last.then(|| self.finish()));
            }
            match poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await {
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return Err(BrokenOff),
                None => self.ended = true,
            }
        }
    }

    fn take(&mut self, part: &[u8]) {
        if self.too_long || self.line.len() + part.len() > LINE_BYTES {
            self.too_long = true;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn finish(&mut self) -> Line {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) { Line::TooLong } else { Line::Whole(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_end_with_line_breaks_or_the_body_and_long_ones_do_not_stop_the_rest() {
        let long = "x".repeat(LINE_BYTES);
        let mut lines = LinesBody::of(Body::from(format!("a\n\n{long}\n{long}y\nb")));
        let whole = |text: &str| Some(Line::Whole(text.as_bytes().to_vec()));
        for wanted in [whole("a"), whole(""), whole(&long), Some(Line::TooLong), whole("b"), None, None] {
            assert_eq!(lines.next().await.unwrap(), wanted);
        }
    }
}
