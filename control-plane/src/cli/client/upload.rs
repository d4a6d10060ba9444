use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame};
use reqwest::Url;
use tokio::sync::mpsc;

type Bytes = axum::body::Bytes;

const CHUNK_BYTES: usize = 64 * 1_024;
/// Chunks that wait to be sent: more would only move the file into memory.
const WAITING: usize = 4;

/// A request's body that is read while it is sent.
pub(in crate::cli) struct Upload(mpsc::Receiver<std::io::Result<Bytes>>);

impl Upload {
    /// Reads `source` on a thread of its own: files and pipes block. `heard` is told each piece.
    pub(in crate::cli) fn of(
        mut source: Box<dyn Read + Send>,
        heard: impl Fn(&[u8]) + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        std::thread::spawn(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            loop {
                let read = source.read(&mut chunk);
                if let Ok(length) = read {
                    heard(&chunk[..length]);
                    if length == 0 {
                        return;
                    }
                }
                let failed = read.is_err();
                let piece = read.map(|length| Bytes::copy_from_slice(&chunk[..length]));
                // Nobody takes it any more if the server has answered early.
                if sender.blocking_send(piece).is_err() || failed {
                    return;
                }
            }
        });
        Self(receiver)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// Whether only this machine can read what goes to `url` unencrypted.
pub(super) fn stays_here(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}
