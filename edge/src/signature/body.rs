//! The digests of a request's body.
//!
//! A body whose digest was signed is held until its end has come. Whoever has a key pair can make an isolate do that, so it is bounded for each request, in bytes
//! and in time, and for all of them together.

use std::cell::Cell;

use futures_util::StreamExt;
use latchkey_signature::{Digests, Refusal, limits};
use worker::Request;

use super::Denied;
use crate::{clock, digest};

/// Milliseconds from the first byte to the last.
const WITHIN_MS: u64 = 20_000;
/// Bytes of all bodies that an isolate holds. Each takes up to three times that, with the host's copies, of the 128 MB that an isolate has.
const HELD_BYTES: usize = 16 * limits::BODY_BYTES;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Reads a copy of the body and computes the digests that `wanted` has. The request itself stays as it is, for the upstream.
///
/// # Errors
/// [`Refusal::BodyTooLong`]; [`Refusal::DigestWrong`] if the body broke off; [`Denied::Busy`].
pub(super) async fn digests(request: &Request, wanted: &Digests) -> Result<Digests, Denied> {
    // Given up from within: what waits for a request that is over is never dropped.
    let body =
        clock::within_ms(WITHIN_MS, read(request)).await.unwrap_or(Err(Refusal::BodyTooLong.into()))?;
    let mut computed = Digests::default();
    if wanted.sha256.is_some() {
        computed.sha256 = Some(digest::sha256(&body.bytes).await);
    }
    if wanted.sha512.is_some() {
        computed.sha512 = Some(digest::sha512(&body.bytes).await);
    }
    Ok(computed)
}

async fn read(request: &Request) -> Result<Held, Denied> {
    let announced = request.headers().get("content-length").ok().flatten();
    if announced
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| length > limits::BODY_BYTES)
    {
        return Err(Refusal::BodyTooLong.into());
    }
    let mut copy = request.clone().map_err(|_| Refusal::DigestWrong)?;
    let mut held = Held::default();
    // A request without a body has no stream.
    let Ok(mut stream) = copy.stream() else { return Ok(held) };
    while let Some(chunk) = stream.next().await {
        held.push(&chunk.map_err(|_| Refusal::DigestWrong)?)?;
    }
    Ok(held)
}

/// What has come of a body, counted in [`HELD`] for as long as it is there.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
}

impl Held {
    fn push(&mut self, chunk: &[u8]) -> Result<(), Denied> {
        if self.bytes.len() + chunk.len() > limits::BODY_BYTES {
            return Err(Refusal::BodyTooLong.into());
        }
        if HELD.get() + chunk.len() > HELD_BYTES {
            return Err(Denied::Busy);
        }
        HELD.set(HELD.get() + chunk.len());
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_held_up_to_a_bound_each_and_all_together_and_let_go() {
        let mebibyte = vec![0; limits::BODY_BYTES];
        let hold = || {
            let mut held = Held::default();
            held.push(&mebibyte).map(|()| held)
        };
        let mut all: Vec<Held> = (0..16).map(|_| hold().ok().unwrap()).collect();
        assert!(matches!(hold(), Err(Denied::Busy)));
        assert!(matches!(all[0].push(&[0]), Err(Denied::Refused(Refusal::BodyTooLong))));
        all.pop();
        all.push(hold().ok().unwrap());
        drop(all);
        assert_eq!(HELD.get(), 0);
    }
}
