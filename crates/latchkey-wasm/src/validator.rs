use latchkey_snapshot::bundle::UnverifiedBundle;
use latchkey_snapshot::id::Id;
use latchkey_snapshot::{
    Audience, HashedBody, HighWater, Loader, Refusal, Snapshot, Trust, TrustedKey, UnverifiedHead,
};
use latchkey_validator::{
    Check, Code, Conditional, Credential, Decision, Explanation, GateView, KeyView, Loaded, RequestFacts,
    Rules, Verdict, decide, explain,
};
use serde::{Deserialize, Serialize};
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
    /// Bodies for the next snapshot.
    kept: Vec<Vec<u8>>,
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
        let trust = Trust::new(audience, keys);
        Ok(Self { trust, snapshot: None, rules: None, floor: None, kept: Vec::new(), input })
    }

    /// Refuses snapshots that are not newer than this (epoch, seq): for callers that remember across restarts how far they had come.
    #[wasm_bindgen(js_name = requireNewerThan)]
    pub fn require_newer_than(&mut self, epoch: u32, seq: f64) {
        self.floor = Some(HighWater { epoch, seq: seq as u64 });
    }

    /// Keeps the bodies of a bundle for the next [`Validator::load`], whose own bundle may be too small for all that its head leads to. What that
    /// head does not lead to is forgotten then. Returns `undefined`, or the code of the refusal if this is no bundle.
    pub fn keep(&mut self, bundle: &[u8]) -> Option<String> {
        match UnverifiedBundle::parse(bundle) {
            Ok(bundle) => {
                self.kept.extend(bundle.bodies.into_iter().map(<[u8]>::to_vec));
                None
            }
            Err(refusal) => Some(refusal.code().to_owned()),
        }
    }

    /// Verifies a bundle and adopts its snapshot; `now` in seconds since the epoch. Returns `undefined`, or the code of
    /// spec/snapshot.md section 10 for which it was refused: the validator is then as it was, but that nothing is kept any more.
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

    /// Decides a request by its token, method and target (path and query): `{ code, conditions, keyId, owner, environment, metadata }`.
    /// `code` is one of spec/decision.md, `NEEDS_OBJECT` if a part of a large base is not loaded, or `CONDITIONAL` if the request passes only once
    /// what `conditions` lists is done (`signature`, `rate_limits`, `credits`, `upstream_credential`). `request` may tell more of it:
    /// `{ address, headers: [[name, value], …] }`.
    ///
    /// # Errors
    /// Throws if `request` has another shape, or if the answer cannot be made into an object.
    pub fn decide(
        &self,
        token: &[u8],
        method: &str,
        target: &[u8],
        now: f64,
        request: JsValue,
    ) -> Result<JsValue, JsError> {
        let more = More::read(request)?;
        let headers = more.headers();
        let facts = more.facts(RequestFacts::new(Credential::Token(token), method, target), &headers);
        Ok(serde_wasm_bindgen::to_value(&Answer::of(&decide(&facts, &self.view(), now as u64)))?)
    }

    /// Decides as [`Validator::decide`] does and says how: its answer, with `seq` and `checks`, a list of `{ name, passed, input, detail }`
    /// up to the first check that failed. It says more than a stranger may learn.
    ///
    /// # Errors
    /// As [`Validator::decide`].
    pub fn explain(
        &self,
        token: &[u8],
        method: &str,
        target: &[u8],
        now: f64,
        request: JsValue,
    ) -> Result<JsValue, JsError> {
        let more = More::read(request)?;
        let headers = more.headers();
        let facts = more.facts(RequestFacts::new(Credential::Token(token), method, target), &headers);
        let Explanation { verdict, checks } = explain(&facts, &self.view(), now as u64);
        let checks = checks.iter().map(CheckView::of).collect();
        let explained = Explained { answer: Answer::of(&verdict), seq: self.seq(), checks };
        // As an object: a flattened field would otherwise become a Map.
        let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
        Ok(explained.serialize(&serializer)?)
    }

    /// Where in the module's memory the input of [`Validator::decide_packed`] goes: 16,384 bytes.
    #[wasm_bindgen(js_name = inputOffset)]
    pub fn input_offset(&self) -> usize {
        self.input.as_ptr() as usize
    }

    /// Decides without making an object: the caller has written the value of the `Authorization` header, the method, the target and, if
    /// its length is given, the client's address, one after the other, at [`Validator::input_offset`]. Returns the number of the
    /// code, 0 if a part of the base is not loaded. Lengths that exceed the input are answered as a malformed key.
    #[wasm_bindgen(js_name = decidePacked)]
    pub fn decide_packed(
        &self,
        authorization: usize,
        method: usize,
        target: usize,
        now: f64,
        address: Option<u32>,
    ) -> u32 {
        let address = address.map_or(0, |length| length as usize);
        let Some(facts) = self.split_input(authorization, method, target, address) else {
            return Code::MalformedKey.number().into();
        };
        match decide(&facts, &self.view(), now as u64) {
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
        let kept = std::mem::take(&mut self.kept);
        let bundle = UnverifiedBundle::parse(bundle)?;
        let head = UnverifiedHead::parse(bundle.head)?.verify(&self.trust, now)?;
        head.require_newer(self.floor)?;
        let mut loader = Loader::new(head, self.snapshot.as_ref())?;
        for body in bundle.bodies {
            loader.supply(HashedBody::compute(body.to_vec()))?;
        }
        for body in kept {
            match loader.supply(HashedBody::compute(body)) {
                Ok(()) | Err(Refusal::BodyUnexpected) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let policy = loader.policy(self.snapshot.as_ref()).ok_or(Refusal::BodyMissing)?;
        let rules = Rules::compile(policy).map_err(|_| Refusal::PolicyInvalid)?;
        loader.install(&mut self.snapshot)?;
        self.rules = Some(rules);
        Ok(())
    }

    /// What was adopted last.
    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    fn split_input(
        &self,
        authorization: usize,
        method: usize,
        target: usize,
        address: usize,
    ) -> Option<RequestFacts<'_>> {
        let (authorization, rest) = self.input.split_at_checked(authorization)?;
        let (method, rest) = rest.split_at_checked(method)?;
        let (target, rest) = rest.split_at_checked(target)?;
        let address = rest.get(..address)?;
        // No route lists an empty method, and none can list one that is no text; what stands for any method stands for this one too.
        let method = core::str::from_utf8(method).unwrap_or_default();
        let facts = RequestFacts::new(Credential::Authorization(authorization), method, target);
        Some(facts.with_address_text((!address.is_empty()).then_some(address)))
    }

    fn view(&self) -> GateView<'_> {
        let loaded = self.snapshot.as_ref().zip(self.rules.as_ref());
        GateView { peppers: &[], loaded: loaded.map(|(snapshot, rules)| Loaded { snapshot, rules }) }
    }
}

/// What a caller may tell of a request beyond its token, method and target.
#[derive(Default, Deserialize)]
struct More {
    address: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

impl More {
    fn read(request: JsValue) -> Result<Self, JsError> {
        if request.is_undefined() {
            return Ok(Self::default());
        }
        Ok(serde_wasm_bindgen::from_value(request)?)
    }

    fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    fn facts<'a>(&'a self, facts: RequestFacts<'a>, headers: &'a [(&'a str, &'a [u8])]) -> RequestFacts<'a> {
        facts.with_address_text(self.address.as_deref().map(str::as_bytes)).with_headers(headers)
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<&'static str>,
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
    fn of(verdict: &Verdict<'a>) -> Self {
        match verdict {
            Verdict::Decided(decision) => Self::about(decision.code.as_str(), decision.key.as_ref()),
            Verdict::Conditional(conditional) => Self {
                conditions: conditional.demands.names().collect(),
                ..Self::about("CONDITIONAL", Some(&conditional.key))
            },
            Verdict::NeedsObject(_) => Self::about("NEEDS_OBJECT", None),
        }
    }

    fn about(code: &'static str, key: Option<&KeyView<'a>>) -> Self {
        let Some(key) = key else { return Self { code, ..Self::default() } };
        Self {
            code,
            conditions: Vec::new(),
            key_id: Some(Id::new("key", key.number()).to_string()),
            owner: key.owner(),
            environment: Some(key.environment().as_str()),
            metadata: key.metadata(),
        }
    }
}

#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    answer: Answer<'a>,
    seq: Option<f64>,
    checks: Vec<CheckView<'a>>,
}

#[derive(Serialize)]
struct CheckView<'a> {
    name: &'static str,
    passed: bool,
    input: &'a str,
    detail: &'a str,
}

impl<'a> CheckView<'a> {
    fn of(check: &'a Check) -> Self {
        Self { name: check.name, passed: check.passed, input: &check.input, detail: &check.detail }
    }
}
