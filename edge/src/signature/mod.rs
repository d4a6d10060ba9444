//! Signed requests, spec/signing.md: what the host knows of a request goes into `latchkey-signature`, its body only if its digest was signed.

mod body;
mod message;

use latchkey_signature::{Answer, Asked, Outcome, Policy, Refusal, SigningKey, Verified, verify};
use latchkey_snapshot::id::Id;
use latchkey_validator::{Code, SignatureDemand};
use worker::{Env, Request};

use crate::clock;
use crate::ledger::client::Ledger;
use crate::ledger::protocol::{NonceReply, NonceRequest};
use message::Message;

/// What a key and a route ask of one request's signature. Owned: the snapshot may be another one after each await.
#[derive(Debug)]
pub(crate) struct Check {
    /// The number of the key.
    key: u64,
    /// Ids and public keys of the key's pairs.
    pairs: Vec<(String, [u8; 32])>,
    asked: Asked,
    max_age_seconds: u32,
    needs_nonce: bool,
    components: Vec<String>,
}

/// Why a request that asks to be verified does not pass.
enum Denied {
    /// It does not count as signed.
    Refused(Refusal),
    /// Too much is being verified as it is; later it may pass.
    Busy,
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Check {
    pub(crate) fn of(key: u64, demand: &SignatureDemand<'_>) -> Self {
        Self {
            key,
            pairs: demand.keys.iter().map(|(id, public_key)| (id.to_owned(), *public_key)).collect(),
            asked: if demand.required { Asked::Always } else { Asked::IfPresent },
            max_age_seconds: demand.max_age_seconds,
            needs_nonce: demand.nonce,
            components: demand.components.to_vec(),
        }
    }

    /// All of it, as a text: of two that are alike, a request that passes one passes the other.
    pub(crate) fn pass(&self) -> String {
        format!("{self:?}")
    }

    /// Verifies the request's signature, its body if the digest is signed, and takes its nonce.
    ///
    /// # Errors
    /// The code to deny with. The reason goes to the log.
    pub(crate) async fn settle(&self, env: &Env, request: &Request) -> Result<(), Code> {
        let now = clock::seconds(clock::now_ms());
        let verified = self.verify(request, now).await.map_err(|denied| self.code(denied))?;
        // 9. The nonce comes last, so that nobody uses one up whose signature does not count.
        match verified.and_then(|verified| self.nonce_of(verified)) {
            Some(nonce) => self.take(env, &nonce).await,
            None => Ok(()),
        }
    }

    /// Steps 1 to 8 of spec/signing.md section 4; `None` where nothing is signed and nothing has to be. `now` in seconds since the epoch.
    async fn verify(&self, request: &Request, now: u64) -> Result<Option<Verified>, Denied> {
        let components = self.components();
        let policy = self.policy(&components);
        let outcome = Message::of(request).look_at(|message| verify(message, &self.keys(), &policy, now))?;
        match outcome {
            Outcome::Unsigned => Ok(None),
            Outcome::Verified(verified) => Ok(Some(verified)),
            Outcome::Pending(pending) => {
                let computed = body::digests(request, pending.digests()).await?;
                Ok(Some(pending.finish(&computed)?))
            }
        }
    }

    fn nonce_of(&self, verified: Verified) -> Option<NonceRequest> {
        let nonce = verified.nonce.filter(|_| self.needs_nonce)?;
        // With the pair's id: two pairs of one key may use the same.
        let nonce = format!("{} {nonce}", verified.key_id);
        Some(NonceRequest { nonce, counts_until: verified.counts_until })
    }

    /// Without an answer nobody knows whether the nonce is new, so it is not.
    async fn take(&self, env: &Env, nonce: &NonceRequest) -> Result<(), Code> {
        let ledger = Ledger::connect(env, self.key).map_err(|_| Code::LimitsUnavailable)?;
        match ledger.take_nonce(nonce).await {
            Ok(NonceReply::New) => Ok(()),
            Ok(NonceReply::Used) => Err(self.code(Refusal::NonceReused.into())),
            Ok(NonceReply::Full) | Err(_) => Err(Code::LimitsUnavailable),
        }
    }

    fn code(&self, denied: Denied) -> Code {
        let Denied::Refused(refusal) = denied else { return Code::LimitsUnavailable };
        worker::console_log!(
            "A request of {} does not count as signed: {}",
            Id::new("key", self.key),
            refusal
        );
        match refusal.answer() {
            Answer::Required => Code::SignatureRequired,
            Answer::Invalid => Code::SignatureInvalid,
        }
    }

    /// The value of `Accept-Signature`, for a request that was not signed.
    pub(crate) fn accept_signature(&self) -> String {
        self.policy(&self.components()).accept_signature()
    }

    fn keys(&self) -> Vec<SigningKey<'_>> {
        self.pairs.iter().map(|(id, public_key)| SigningKey { id, public_key }).collect()
    }

    fn components(&self) -> Vec<&str> {
        self.components.iter().map(String::as_str).collect()
    }

    fn policy<'a>(&self, components: &'a [&'a str]) -> Policy<'a> {
        Policy {
            asked: self.asked,
            max_age_seconds: self.max_age_seconds,
            needs_nonce: self.needs_nonce,
            components,
        }
    }
}
