//! SHA-2 by the host: a megabyte takes WebCrypto 0.9 ms and Wasm ten times as long.

use js_sys::{Promise, Uint8Array};
use latchkey_snapshot::HashedBody;
use sha2::{Digest, Sha256, Sha512};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Below this a call to the host costs more than it saves.
const HOST_FROM_BYTES: usize = 4_096;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = digest, catch)]
    fn subtle_digest(algorithm: &str, data: &Uint8Array) -> Result<Promise, JsValue>;
}

/// Hashes a body, by whichever way is faster for its size.
pub(crate) async fn hash(bytes: Vec<u8>) -> HashedBody {
    match host_digest("SHA-256", &bytes).await {
        Some(sha256) => HashedBody::trusting_host_digest(bytes, sha256),
        None => HashedBody::compute(bytes),
    }
}

pub(crate) async fn sha256(bytes: &[u8]) -> [u8; 32] {
    match host_digest("SHA-256", bytes).await {
        Some(digest) => digest,
        None => Sha256::digest(bytes).into(),
    }
}

pub(crate) async fn sha512(bytes: &[u8]) -> [u8; 64] {
    match host_digest("SHA-512", bytes).await {
        Some(digest) => digest,
        None => Sha512::digest(bytes).into(),
    }
}

/// `None` for what is too short to be worth it, and if the host does not know how.
async fn host_digest<const N: usize>(algorithm: &str, bytes: &[u8]) -> Option<[u8; N]> {
    if bytes.len() < HOST_FROM_BYTES {
        return None;
    }
    // A copy of exactly these bytes, which nobody else can reach while the host reads it.
    let copy = Uint8Array::from(bytes);
    let buffer = JsFuture::from(subtle_digest(algorithm, &copy).ok()?).await.ok()?;
    let digest = Uint8Array::new(&buffer);
    let mut out = [0; N];
    (digest.length() as usize == N).then(|| digest.copy_to(&mut out))?;
    Some(out)
}
