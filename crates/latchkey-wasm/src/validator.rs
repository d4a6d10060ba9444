use latchkey_snapshot::bundle::UnverifiedBundle;
use latchkey_snapshot::id::Id;
use latchkey_snapshot::{
    Audience, HashedBody, HighWater, Loader, Refusal, Snapshot, Trust, TrustedKey, UnverifiedHead,
};
use latchkey_validator::{
    Code, Conditional, Credential, Decision, GateView, Loaded, RequestFacts, Rules, Verdict, decide,
};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::token::hex;

/// Longest credential, method and path that fit the input buffer of [`Validator::decide_packed`], together.
const INPUT_BYTES: usize = 16_384;
/// [`Validator::decide_packed`] answers this when a body of the base has to be loaded first. No decision has this number.
const NEEDS_OBJECT: u32 = 0;

/// The module's memory, for callers of [`Validator::decide_packed`]. Its buffer is replaced whenever it grows.
#[wasm_bindgen(js_name = wasmMemory)]
pub fn wasm_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Decides requests from a verified snapshot, in memory.
#[wasm_bindgen]
pub struct Validator {
    trust: Trust,
    snapshot: Option<Snapshot>,
    rules: Option<Rules>,
    floor: Option<HighWater>,
    input: Box<[u8]>,
}

#[wasm_bindgen]
impl Validator {
    /// `audience` as `ks_…/any`, `trustedKeys` as `ed25519:…` texts.
    ///
    /// # Errors
    /// Throws if one of them does not read as such.
    #[wasm_bindgen(constructor)]
    pub fn new(audience: &str, trusted_keys: Vec<String>) -> Result<Validator, JsError> {
        let audience: Audience = audience.parse()?;
        let keys = trusted_keys.iter().map(|key| key.parse::<TrustedKey>()).collect::<Result<Vec<_>, _>>()?;
        let input = vec![0; INPUT_BYTES].into_boxed_slice();
        Ok(Self { trust: Trust::new(audience, keys), snapshot: None, rules: None, floor: None, input })
    }

    /// Refuses snapshots that are not newer than this (epoch, seq): for callers that remember across restarts how far they had come.
    #[wasm_bindgen(js_name = requireNewerThan)]
    pub fn require_newer_than(&mut self, epoch: u32, seq: f64) {
        self.floor = Some(HighWater { epoch, seq: seq as u64 });
    }

    /// Verifies a bundle and adopts its snapshot; `now` in seconds since the epoch. Returns `undefined`, or the code of
    /// spec/snapshot.md section 10 for which it was refused: the validator is then as it was.
    pub fn load(&mut self, bundle: &[u8], now: f64) -> Option<String> {
        self.adopt(bundle, now as u64).err().map(|refusal| refusal.code().to_owned())
    }

    /// Takes a part of a large base that was left out of the bundle: an index page or a shard. Returns `undefined`, or the code of the
    /// refusal. [`Validator::missing`] lists what can be supplied.
    pub fn supply(&mut self, body: &[u8]) -> Option<String> {
        let snapshot = self.snapshot.as_mut().ok_or(Refusal::BodyUnexpected);
        let supplied = snapshot.and_then(|snapshot| snapshot.supply(HashedBody::compute(body.to_vec())));
        supplied.err().map(|refusal| refusal.code().to_owned())
    }

    /// SHA-256, as hex, of each part of the base that is not loaded. Supplying an index page may uncover more.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.snapshot.as_ref().map(Snapshot::missing).unwrap_or_default();
        missing.iter().map(|object| hex(&object.sha256)).collect()
    }

    /// The sequence of the adopted snapshot, or `undefined`.
    #[wasm_bindgen(getter)]
    pub fn seq(&self) -> Option<f64> {
        self.snapshot.as_ref().map(|snapshot| snapshot.head().head().seq as f64)
    }

    /// Decides a request by its token, method and path: `{ code, keyId, owner, environment, metadata }`. `code` is one of
    /// spec/decision.md, or `NEEDS_OBJECT` if a part of a large base is not loaded.
    ///
    /// # Errors
    /// Never for a request; only if the answer cannot be made into an object.
    pub fn decide(&self, token: &[u8], method: &str, path: &[u8], now: f64) -> Result<JsValue, JsError> {
        let answer = match self.verdict(Credential::Token(token), method, path, now as u64) {
            Verdict::Decided(decision) => Answer::of(&decision),
            Verdict::Conditional(conditional) => Answer::of(&deny(&conditional)),
            Verdict::NeedsObject(_) => Answer { code: "NEEDS_OBJECT", ..Answer::default() },
        };
        Ok(serde_wasm_bindgen::to_value(&answer)?)
    }

    /// Where in the module's memory the input of [`Validator::decide_packed`] goes: 16,384 bytes.
    #[wasm_bindgen(js_name = inputOffset)]
    pub fn input_offset(&self) -> usize {
        self.input.as_ptr() as usize
    }

    /// Decides without making an object: the caller has written the value of the `Authorization` header, the method and the path, one
    /// after the other, at [`Validator::input_offset`]. Returns the number of the code, 0 if a part of the base is not
    /// loaded. Lengths that exceed the input are answered as a malformed key.
    #[wasm_bindgen(js_name = decidePacked)]
    pub fn decide_packed(&self, authorization: usize, method: usize, path: usize, now: f64) -> u32 {
        let Some((authorization, method, path)) = self.split_input(authorization, method, path) else {
            return Code::MalformedKey.number().into();
        };
        match self.verdict(Credential::Authorization(authorization), method, path, now as u64) {
            Verdict::Decided(decision) => decision.code.number().into(),
            Verdict::Conditional(conditional) => deny(&conditional).code.number().into(),
            Verdict::NeedsObject(_) => NEEDS_OBJECT,
        }
    }
}

/// Nothing here verifies signatures, counts requests or spends credits.
fn deny<'s>(conditional: &Conditional<'s>) -> Decision<'s> {
    conditional.settle(Err(Code::RestrictionUnsupported))
}

impl Validator {
    fn adopt(&mut self, bundle: &[u8], now: u64) -> Result<(), Refusal> {
        let bundle = UnverifiedBundle::parse(bundle)?;
        let head = UnverifiedHead::parse(bundle.head)?.verify(&self.trust, now)?;
        head.require_newer(self.floor)?;
        let mut loader = Loader::new(head, self.snapshot.as_ref())?;
        for body in bundle.bodies {
            loader.supply(HashedBody::compute(body.to_vec()))?;
        }
        let policy = loader.policy(self.snapshot.as_ref()).ok_or(Refusal::BodyMissing)?;
        let rules = Rules::compile(policy).map_err(|_| Refusal::PolicyInvalid)?;
        loader.install(&mut self.snapshot)?;
        self.rules = Some(rules);
        Ok(())
    }

    fn split_input(&self, authorization: usize, method: usize, path: usize) -> Option<(&[u8], &str, &[u8])> {
        let (authorization, rest) = self.input.split_at_checked(authorization)?;
        let (method, rest) = rest.split_at_checked(method)?;
        // No route lists an empty method, and none can list one that is no text; what stands for any method stands for this one too.
        let method = core::str::from_utf8(method).unwrap_or_default();
        Some((authorization, method, rest.get(..path)?))
    }

    fn verdict(&self, credential: Credential<'_>, method: &str, path: &[u8], now: u64) -> Verdict<'_> {
        let loaded = self.snapshot.as_ref().zip(self.rules.as_ref());
        let loaded = loaded.map(|(snapshot, rules)| Loaded { snapshot, rules });
        let gate = GateView { peppers: &[], loaded };
        decide(&RequestFacts::new(credential, method, path), &gate, now)
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
}

impl<'a> Answer<'a> {
    fn of(decision: &Decision<'a>) -> Self {
        let code = decision.code.as_str();
        let Some(key) = &decision.key else { return Self { code, ..Self::default() } };
        Self {
            code,
            key_id: Some(Id::new("key", key.number()).to_string()),
            owner: key.owner(),
            environment: Some(key.environment().as_str()),
            metadata: key.metadata(),
        }
    }
}
