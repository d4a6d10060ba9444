//! Snapshots made for tests, through the same bytes and checks that a gate's come through.

use std::convert::Infallible;

use latchkey_snapshot::{
    Audience, BaseBuilder, BaseRef, Changes, Environment, HashedBody, Head, HeadSigner, Loader, NewRow,
    ObjectRef, Policy, SegmentRef, Snapshot, Trust, UnverifiedHead, encode_head, public_key_text,
    shard_bits_for,
};
use latchkey_token::{Pepper, Prefix, Tag, TagScheme, digest, generate, tag};
use latchkey_validator::Rules;
use rand_core::{TryCryptoRng, TryRng};

pub(crate) const KEYSPACE: u64 = 7;
pub(crate) const ISSUED_AT: u64 = 1_800_000_000;
pub(crate) const FRESH_UNTIL: u64 = ISSUED_AT + 90;
pub(crate) const VALID_UNTIL: u64 = ISSUED_AT + 86_400;

/// What a snapshot is to hold.
pub(crate) struct Plan {
    pub(crate) environment: Environment,
    pub(crate) tag_scheme: TagScheme,
    pub(crate) policy: Policy,
    /// In any order.
    pub(crate) rows: Vec<NewRow>,
    pub(crate) changes: Option<Changes>,
    /// Bytes that no encoder of this version writes, put in before anything is hashed.
    pub(crate) edit_policy: fn(Vec<u8>) -> Vec<u8>,
    pub(crate) edit_segment: fn(Vec<u8>) -> Vec<u8>,
}

/// A snapshot as it travels.
pub(crate) struct Encoded {
    /// Text form.
    pub(crate) trusted_key: String,
    pub(crate) head: Vec<u8>,
    /// In the order in which a loader takes them.
    pub(crate) bodies: Vec<Vec<u8>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            environment: Environment::Any,
            tag_scheme: TagScheme::Sha256,
            policy: Policy::default(),
            rows: Vec::new(),
            changes: None,
            edit_policy: |bytes| bytes,
            edit_segment: |bytes| bytes,
        }
    }
}

impl Plan {
    pub(crate) fn encode(mut self) -> Encoded {
        let policy = (self.edit_policy)(self.policy.encode(KEYSPACE).expect("a valid policy"));
        self.rows.sort_unstable_by_key(|row| row.tag);
        let mut base = Vec::new();
        let mut builder =
            BaseBuilder::new(KEYSPACE, shard_bits_for(self.rows.len() as u64), |_, body| base.push(body))
                .expect("few shards");
        for row in &self.rows {
            builder.push(row).expect("sorted rows");
        }
        let built = builder.finish().expect("a valid base");
        // Root first: a loader takes a page or shard only when it knows what leads to it.
        base.reverse();
        let encode = |changes: Changes| changes.encode(KEYSPACE, 1, 2).expect("valid changes");
        let segment = self.changes.map(encode).map(self.edit_segment);
        let signer = HeadSigner::from_seed(&[0x5e; 32]);
        let head = Head {
            audience: Audience { keyspace: KEYSPACE, environment: self.environment },
            tag_scheme: self.tag_scheme,
            epoch: 1,
            seq: 1,
            change_seq: 2,
            issued_at: ISSUED_AT,
            fresh_until: FRESH_UNTIL,
            valid_until: VALID_UNTIL,
            key_count: built.rows,
            previous: [0; 32],
            policy: object(&policy),
            base: BaseRef { change_seq: 1, shard_bits: built.shard_bits, root: built.root },
            segments: segment
                .iter()
                .map(|segment| SegmentRef { object: object(segment), last_seq: 2 })
                .collect(),
        };
        let head = encode_head(&head, &[&signer]).expect("a valid head");
        let bodies = core::iter::once(policy).chain(segment).chain(base).collect();
        Encoded { trusted_key: public_key_text(&signer.public_key()), head, bodies }
    }

    pub(crate) fn load(self) -> (Snapshot, Rules) {
        let environment = self.environment;
        self.encode().load(environment)
    }
}

impl Encoded {
    pub(crate) fn load(&self, environment: Environment) -> (Snapshot, Rules) {
        let mut snapshot = self.load_without_shards(environment);
        for body in self.bodies.iter().filter(|body| is_leaf_or_shard(body)) {
            snapshot.supply(HashedBody::compute(body.clone())).expect("a promised body");
        }
        let rules = Rules::compile(snapshot.policy()).expect("an enforceable policy");
        (snapshot, rules)
    }

    /// Only what a head needs at once; a large base stays outside.
    pub(crate) fn load_without_shards(&self, environment: Environment) -> Snapshot {
        let trust = Trust::new(
            Audience { keyspace: KEYSPACE, environment },
            vec![self.trusted_key.parse().expect("a public key")],
        );
        let head = UnverifiedHead::parse(&self.head).expect("a head");
        let mut loader =
            Loader::new(head.verify(&trust, ISSUED_AT).expect("a signed head"), None).expect("newer");
        loop {
            let missing = loader.missing(None);
            if missing.is_empty() {
                break;
            }
            for wanted in missing {
                let body =
                    self.bodies.iter().find(|body| object(body) == wanted).expect("every body is there");
                loader.supply(HashedBody::compute(body.clone())).expect("a promised body");
            }
        }
        let mut slot = None;
        loader.install(&mut slot).expect("complete");
        slot.expect("installed")
    }
}

/// A token whose secret is one character over and over, so that nobody takes it for a real one.
pub(crate) fn token(environment: latchkey_token::Environment, byte: u8) -> String {
    made_up(environment, [byte; 8])
}

/// A token whose secret is a number, four times.
pub(crate) fn numbered_token(environment: latchkey_token::Environment, number: u64) -> String {
    // Base 62, so that no byte is thrown away for fairness.
    made_up(environment, core::array::from_fn(|place| (number / 62_u64.pow(place as u32) % 62) as u8))
}

fn made_up(environment: latchkey_token::Environment, bytes: [u8; 8]) -> String {
    let prefix = Prefix::new("demo").expect("a valid prefix");
    generate(&prefix, environment, &mut Cycle(bytes)).expose().to_owned()
}

/// Gives the same bytes over and over.
struct Cycle([u8; 8]);

impl TryRng for Cycle {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        target.iter_mut().zip(self.0.iter().cycle()).for_each(|(target, byte)| *target = *byte);
        Ok(())
    }
}

impl TryCryptoRng for Cycle {}

/// An enabled row of the token's environment that never expires and whose profile grants nothing.
pub(crate) fn row(token: &str, key_number: u64) -> NewRow {
    NewRow {
        tag: tag(TagScheme::Sha256, None, &digest(token.as_bytes())).expect("no pepper is needed").0,
        key_number,
        expires_at: None,
        live: token.contains("_live_"),
        disabled: false,
        revoked: false,
        profile: Default::default(),
    }
}

pub(crate) fn peppered(mut row: NewRow, token: &str, pepper: &Pepper) -> NewRow {
    let scheme = TagScheme::HmacSha256 { pepper_version: pepper.version() };
    let Tag(tag) = tag(scheme, Some(pepper), &digest(token.as_bytes())).expect("the pepper is held");
    row.tag = tag;
    row
}

fn is_leaf_or_shard(body: &[u8]) -> bool {
    const LEVEL: usize = 5;
    body.starts_with(b"LKSH") || (body.starts_with(b"LKIX") && body[LEVEL] == 0)
}

fn object(body: &[u8]) -> ObjectRef {
    ObjectRef::to(body).expect("a small body")
}
