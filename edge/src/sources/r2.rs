//! A bucket of R2, by its binding: what a sink of the control plane wrote there. Another fallback; whoever can write to the bucket may have put anything
//! there, of any length.

use latchkey_snapshot::{Audience, ObjectRef, limits};
use worker::{Bucket, Env};

use super::{HEAD_TIMEOUT_MS, OBJECT_TIMEOUT_MS, Pause, Unreachable, head_name, object_name};
use crate::clock;

/// The bucket's binding. Optional.
const BINDING: &str = "LATCHKEY_R2";

thread_local! {
    static PAUSE: Pause = const { Pause::none() };
}

/// What stands before every name in the bucket: nothing, or a text that ends with a slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// Takes a sink's `prefix`, with or without slashes around it.
    ///
    /// # Errors
    /// What it must be.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.trim_matches('/');
        let is_usable = name.len() <= 512 && name.bytes().all(|byte| byte.is_ascii_graphic());
        match (is_usable, name) {
            (false, _) => Err("must be the sink's prefix: visible ASCII characters, at most 512"),
            (true, "") => Ok(Self::default()),
            (true, name) => Ok(Self(format!("{name}/"))),
        }
    }
}

pub(crate) struct R2<'a> {
    bucket: Bucket,
    prefix: &'a Prefix,
}

impl<'a> R2<'a> {
    pub(crate) fn connect(env: &Env, prefix: &'a Prefix) -> Result<Self, Unreachable> {
        // Not logged: a deployment may go without.
        env.bucket(BINDING).map(|bucket| Self { bucket, prefix }).map_err(|_| Unreachable)
    }

    pub(crate) async fn head(&self, audience: Audience) -> Result<Option<Vec<u8>>, Unreachable> {
        self.get(&head_name(audience), limits::HEAD_BYTES, HEAD_TIMEOUT_MS).await
    }

    /// A body. While the bucket has just failed, there is none.
    pub(crate) async fn object(&self, object: &ObjectRef) -> Result<Option<Vec<u8>>, Unreachable> {
        if PAUSE.with(Pause::is_on) {
            return Err(Unreachable);
        }
        self.get(&object_name(&object.sha256), object.length as usize, OBJECT_TIMEOUT_MS).await
    }

    async fn get(&self, name: &str, most: usize, timeout_ms: u64) -> Result<Option<Vec<u8>>, Unreachable> {
        let name = format!("{}{name}", self.prefix.0);
        let answer = clock::within_ms(timeout_ms, read(&self.bucket, name, most)).await;
        let answer = answer.unwrap_or_else(|| Err(format!("no answer within {timeout_ms} ms")));
        answer.map_err(|error| {
            PAUSE.with(Pause::begin);
            worker::console_warn!("The R2 bucket could not be used: {}", error);
            Unreachable
        })
    }
}

/// An object, if it has at most `most` bytes.
async fn read(bucket: &Bucket, name: String, most: usize) -> Result<Option<Vec<u8>>, String> {
    let told = |error: worker::Error| error.to_string();
    let Some(object) = bucket.get(name).execute().await.map_err(told)? else { return Ok(None) };
    // Before any of it is read.
    if object.size() > most as u64 {
        return Err(format!("an object has more than {most} bytes"));
    }
    match object.body() {
        Some(body) => body.bytes().await.map(Some).map_err(told),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_with_one_slash_or_is_nothing() {
        let parsed = |text: &str| Prefix::parse(text).map(|prefix| prefix.0);
        assert_eq!(parsed("shop").as_deref(), Ok("shop/"));
        assert_eq!(parsed("/shop/eu/").as_deref(), Ok("shop/eu/"));
        assert_eq!(parsed("/").as_deref(), Ok(""));
        assert!(parsed("two words").is_err());
    }
}
