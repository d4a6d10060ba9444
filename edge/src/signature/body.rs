//! The digests of a request's body.

use futures_util::StreamExt;
use latchkey_signature::{Digests, Refusal, limits};
use worker::Request;

use crate::digest;

/// Reads a copy of the body and computes the digests that `wanted` has. The request itself stays as it is, for the upstream.
///
/// # Errors
/// [`Refusal::BodyTooLong`]; [`Refusal::DigestWrong`] if the body broke off.
pub(super) async fn digests(request: &Request, wanted: &Digests) -> Result<Digests, Refusal> {
    let body = read(request).await?;
    let mut computed = Digests::default();
    if wanted.sha256.is_some() {
        computed.sha256 = Some(digest::sha256(&body).await);
    }
    if wanted.sha512.is_some() {
        computed.sha512 = Some(digest::sha512(&body).await);
    }
    Ok(computed)
}

/// Only whoever signed the digest is listened to, and for a mebibyte at most, whatever length is announced.
async fn read(request: &Request) -> Result<Vec<u8>, Refusal> {
    let announced = request.headers().get("content-length").ok().flatten();
    if announced
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| length > limits::BODY_BYTES)
    {
        return Err(Refusal::BodyTooLong);
    }
    let mut copy = request.clone().map_err(|_| Refusal::DigestWrong)?;
    let mut bytes = Vec::new();
    // A request without a body has no stream.
    let Ok(mut stream) = copy.stream() else { return Ok(bytes) };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refusal::DigestWrong)?;
        if bytes.len() + chunk.len() > limits::BODY_BYTES {
            return Err(Refusal::BodyTooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
