//! A small keyspace that every test starts from: two owners, a base of 40 rows, two segments, a policy.

use latchkey_snapshot::{
    Audience, BaseBuilder, BaseRef, Changes, Environment, HashedBody, Head, HeadSigner, Loader, NewRow,
    ObjectRef, Policy, Profile, Reason, Refusal, Revoke, Role, Route, SegmentRef, Snapshot, TagScheme, Trust,
    TrustedKey, UnverifiedHead, VerifiedHead, encode_head, sha256,
};

pub(crate) const KEYSPACE: u64 = 0x0123_4567_89ab_cdef;
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const AUDIENCE: Audience = Audience { keyspace: KEYSPACE, environment: Environment::Any };

pub(crate) fn signer(name: &str) -> HeadSigner {
    HeadSigner::from_seed(&sha256(name.as_bytes()))
}

pub(crate) fn trust_in(names: &[&str]) -> Trust {
    let key = |name: &&str| TrustedKey::new(&signer(name).public_key()).expect("a fresh key is strong");
    Trust::new(AUDIENCE, names.iter().map(key).collect())
}

/// A made-up tag: the hash of a number, as real ones are hashes.
pub(crate) fn tag(number: u64) -> [u8; 16] {
    let mut tag = [0; 16];
    tag.copy_from_slice(&sha256(&number.to_be_bytes())[..16]);
    tag
}

pub(crate) fn prefix(tag: [u8; 16]) -> [u8; 8] {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&tag[..8]);
    prefix
}

pub(crate) fn row(number: u64) -> NewRow {
    NewRow {
        tag: tag(number),
        key_number: 1_000 + number,
        expires_at: number.is_multiple_of(3).then_some(NOW + 86_400),
        live: number.is_multiple_of(2),
        disabled: number % 10 == 9,
        revoked: number % 20 == 19,
        profile: profile(if number.is_multiple_of(2) { "acme" } else { "globex" }),
    }
}

pub(crate) fn profile(owner: &str) -> Profile {
    Profile {
        owner: Some(owner.into()),
        roles: vec![1],
        grants: vec!["orders:read".into()],
        metadata: Some(r#"{"plan":"pro"}"#.into()),
        ..Profile::default()
    }
}

pub(crate) fn policy() -> Policy {
    let route = |method: &str, path: &str, permission: Option<&str>| Route {
        method: method.into(),
        path: path.into(),
        permission: permission.map(Into::into),
        environment: Environment::Any,
        ..Route::default()
    };
    Policy {
        roles: vec![Role { number: 1, grants: vec!["orders:*".into()] }],
        routes: vec![
            route("GET", "/orders/{id}", Some("orders:read")),
            route("POST", "/orders", Some("orders:write")),
            route("*", "/public/*", None),
        ],
        ..Policy::default()
    }
}

/// Bodies and the head that names them, before signing.
#[derive(Clone)]
pub(crate) struct Unsigned {
    pub(crate) head: Head,
    pub(crate) bodies: Vec<Vec<u8>>,
}

impl Unsigned {
    pub(crate) fn sign(&self, names: &[&str]) -> Vec<u8> {
        let signers: Vec<HeadSigner> = names.iter().map(|name| signer(name)).collect();
        encode_head(&self.head, &signers.iter().collect::<Vec<_>>()).expect("the fixture is within limits")
    }

    pub(crate) fn verified(&self) -> VerifiedHead {
        let bytes = self.sign(&["k1"]);
        verify(&bytes, &trust_in(&["k1"])).expect("the fixture verifies")
    }

    /// Installs into `slot` with every body at hand.
    pub(crate) fn install(&self, slot: &mut Option<Snapshot>) -> Result<(), Refusal> {
        let mut loader = Loader::new(self.verified(), slot.as_ref())?;
        loop {
            let missing = loader.missing(slot.as_ref());
            if missing.is_empty() {
                return loader.install(slot);
            }
            for object in missing {
                let body = self.body(&object).ok_or(Refusal::BodyMissing)?;
                loader.supply(HashedBody::compute(body))?;
            }
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut slot = None;
        self.install(&mut slot).expect("every body is at hand");
        slot.expect("just installed")
    }

    pub(crate) fn body(&self, object: &ObjectRef) -> Option<Vec<u8>> {
        self.bodies.iter().find(|body| sha256(body) == object.sha256).cloned()
    }
}

pub(crate) fn verify(bytes: &[u8], trust: &Trust) -> Result<VerifiedHead, Refusal> {
    UnverifiedHead::parse(bytes)?.verify(trust, NOW)
}

pub(crate) fn build(rows: &[NewRow], shard_bits: u8, segments: Vec<Changes>) -> Unsigned {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.tag);
    let mut bodies = vec![policy().encode(KEYSPACE).expect("the policy is within limits")];
    let policy = ObjectRef::to(&bodies[0]).expect("short");
    let mut builder =
        BaseBuilder::new(KEYSPACE, shard_bits, |_, body| bodies.push(body)).expect("few shard bits");
    for row in &rows {
        builder.push(row).expect("rows are sorted");
    }
    let built = builder.finish().expect("small");
    let mut listed = Vec::new();
    for (changes, first_seq) in segments.into_iter().zip(100..) {
        let body = changes.encode(KEYSPACE, first_seq, first_seq + 1).expect("small");
        listed.push(SegmentRef { object: ObjectRef::to(&body).expect("short"), last_seq: first_seq + 1 });
        bodies.push(body);
    }
    let head = Head {
        audience: AUDIENCE,
        tag_scheme: TagScheme::Sha256,
        epoch: 1,
        seq: 7,
        change_seq: 100 + listed.len() as u64,
        issued_at: NOW,
        fresh_until: NOW + 90,
        valid_until: NOW + 86_400,
        key_count: built.rows,
        previous: [0; 32],
        policy,
        base: BaseRef { change_seq: 100, shard_bits: built.shard_bits, root: built.root },
        segments: listed,
    };
    Unsigned { head, bodies }
}

/// 40 base rows in 4 shards; then number 2 is revoked and 100 added; then 2 restored and owner globex cut off.
pub(crate) fn small() -> Unsigned {
    let rows: Vec<NewRow> = (0..40).map(row).collect();
    let revoke = Revoke { prefix: prefix(tag(4)), seq: 101, reason: Reason::Leaked };
    let first = Changes { revokes: vec![revoke], upserts: vec![row(100)], ..Changes::default() };
    let second = Changes { upserts: vec![row(101)], ..Changes::default() };
    build(&rows, 2, vec![first, second])
}
