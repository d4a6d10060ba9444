//! A keyspace that the targets begin from: 40 keys, a policy, a segment, signed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use latchkey_snapshot::ip::IpRule;
use latchkey_snapshot::{
    Audience, BaseBuilder, BaseRef, Changes, ConstraintSource, Credits, Environment, HashedBody, Head,
    HeadSigner, Kind, Loader, NewRow, ObjectRef, Policy, Profile, RateLimit, RateLimitMode, Reason, Revoke,
    Role, Route, RouteSignature, RowView, SegmentRef, SigningKeys, Snapshot, Trust, TrustedKey,
    UnverifiedHead, UpstreamCredential, VerifiedHead, encode_head,
};
use latchkey_token::{Prefix, Tag, TagScheme, digest, generate, tag};
use rand_core::{TryCryptoRng, TryRng};

pub(crate) const KEYSPACE: u64 = 7;
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const SHARD_BITS: u8 = 2;
const AUDIENCE: Audience = Audience { keyspace: KEYSPACE, environment: Environment::Any };
const KEYS: u8 = 40;
/// Revoked in the segment.
const REVOKED: u8 = 4;

/// A snapshot as it travels: bodies in the order in which each is reached by what is before it.
pub(crate) struct Published {
    pub(crate) head: Vec<u8>,
    pub(crate) bodies: Vec<Vec<u8>>,
}

pub(crate) fn signer() -> HeadSigner {
    HeadSigner::from_seed(&[0x5e; 32])
}

pub(crate) fn trust() -> Trust {
    Trust::new(AUDIENCE, vec![TrustedKey::new(&signer().public_key()).expect("a fresh key is strong")])
}

pub(crate) fn published() -> &'static Published {
    static PUBLISHED: OnceLock<Published> = OnceLock::new();
    PUBLISHED.get_or_init(publish)
}

fn publish() -> Published {
    let policy = policy();
    let revoke =
        Revoke { prefix: *row(REVOKED).tag.first_chunk().expect("16 bytes"), seq: 2, reason: Reason::Admin };
    let changes = Changes { revokes: vec![revoke], upserts: vec![row(KEYS)], ..Changes::default() };
    let segment = changes.encode(KEYSPACE, 1, 3).expect("small");
    let (base, pages_and_shards) = base(SHARD_BITS);
    let listed = SegmentRef { object: object(&segment), last_seq: 3 };
    let head = head_over(base, &policy, vec![listed]);
    Published { head, bodies: [vec![policy, segment], pages_and_shards].concat() }
}

fn base(shard_bits: u8) -> (BaseRef, Vec<Vec<u8>>) {
    let mut rows: Vec<NewRow> = (0..KEYS).map(row).collect();
    rows.sort_by_key(|row| row.tag);
    let mut bodies = Vec::new();
    let mut builder =
        BaseBuilder::new(KEYSPACE, shard_bits, |_, body| bodies.push(body)).expect("few shards");
    for row in &rows {
        builder.push(row).expect("sorted rows");
    }
    let built = builder.finish().expect("small");
    // The root came last.
    bodies.reverse();
    (BaseRef { change_seq: 1, shard_bits: built.shard_bits, root: built.root }, bodies)
}

fn head_over(base: BaseRef, policy: &[u8], segments: Vec<SegmentRef>) -> Vec<u8> {
    let head = Head {
        audience: AUDIENCE,
        tag_scheme: TagScheme::Sha256,
        epoch: 1,
        seq: 1,
        change_seq: 3,
        issued_at: NOW,
        fresh_until: NOW + 90,
        valid_until: NOW + 86_400,
        key_count: KEYS.into(),
        previous: [0; 32],
        policy: object(policy),
        base,
        segments,
    };
    encode_head(&head, &[&signer()]).expect("a valid head")
}

/// A signed head over this base.
pub(crate) fn verified_over(base: BaseRef) -> VerifiedHead {
    let head = head_over(base, &policy(), Vec::new());
    UnverifiedHead::parse(&head).and_then(|head| head.verify(&trust(), NOW)).expect("it was just signed")
}

/// The snapshot whose only shard this is, if it is a shard.
pub(crate) fn snapshot_over_one_shard(shard: &[u8]) -> Option<Snapshot> {
    // No page names an empty body.
    if shard.is_empty() {
        return None;
    }
    let leaf = page(0, ObjectRef::to(shard).ok()?);
    let root = page(1, object(&leaf));
    let head = verified_over(BaseRef { change_seq: 1, shard_bits: 0, root: object(&root) });
    let mut loader = Loader::new(head, None).expect("there is none before");
    for body in [policy(), root, leaf] {
        loader.supply(HashedBody::compute(body)).expect("it is promised");
    }
    loader.supply(HashedBody::compute(shard.to_vec())).ok()?;
    let mut slot = None;
    loader.install(&mut slot).ok()?;
    slot
}

/// An index page with one entry, written by hand from spec/snapshot.md section 7.
fn page(level: u8, entry: ObjectRef) -> Vec<u8> {
    let mut page = b"LKIX".to_vec();
    page.extend([1, level, 1, 0]);
    page.extend(KEYSPACE.to_le_bytes());
    page.extend([0; 4]);
    page.extend(entry.sha256);
    page.extend(entry.length.to_le_bytes());
    page
}

/// The shard of the same keys in a base that has only one.
pub(crate) fn one_shard_base() -> Vec<Vec<u8>> {
    base(0).1.into_iter().filter(|body| kind(body) == Some(Kind::Shard)).collect()
}

pub(crate) fn bodies_of(wanted: Kind) -> Vec<Vec<u8>> {
    published().bodies.iter().filter(|body| kind(body) == Some(wanted)).cloned().collect()
}

fn kind(body: &[u8]) -> Option<Kind> {
    HashedBody::compute(body.to_vec()).kind().ok()
}

/// The tags at which rows would stand in these bytes, were they a shard.
pub(crate) fn tags_in(shard: &[u8]) -> impl Iterator<Item = [u8; 16]> + '_ {
    const HEADER: usize = 28;
    const ROW: usize = 32;
    let rows = shard.get(HEADER..).unwrap_or(&[]).chunks_exact(ROW);
    rows.filter_map(|row| row.first_chunk().copied()).take(256)
}

/// Reads everything that a row says; what is listed is also found by its name.
pub(crate) fn read_whole(row: &RowView<'_>) {
    let _ = (row.key_number(), row.expires_at(), row.is_live(), row.is_disabled(), row.is_revoked());
    let profile = row.profile();
    let _ = (profile.owner(), profile.metadata(), profile.roles().count(), profile.grants().count());
    if let Some(ranges) = profile.ip_ranges {
        let _ = (ranges.allows(Ipv4Addr::LOCALHOST.into()), ranges.allows(Ipv6Addr::LOCALHOST.into()));
    }
    for (name, values) in profile.constraints.iter() {
        assert_eq!(
            profile.constraints.get(name).map(|found| found.iter().count()),
            Some(values.iter().count())
        );
    }
    let _ = profile.rate_limits.iter().count();
    for (unit, granted) in profile.credits.iter().flat_map(|credits| credits.iter()) {
        assert_eq!(profile.credits.and_then(|credits| credits.granted(unit)), Some(granted));
    }
    for (id, key) in profile.signing_keys.iter().flat_map(|keys| keys.iter()) {
        assert_eq!(profile.signing_keys.and_then(|keys| keys.get(id)), Some(key));
    }
}

/// The whole snapshot, loaded.
pub(crate) fn snapshot() -> &'static Snapshot {
    static SNAPSHOT: OnceLock<Snapshot> = OnceLock::new();
    SNAPSHOT.get_or_init(|| {
        let head = UnverifiedHead::parse(&published().head).expect("a head");
        let mut loader = Loader::new(head.verify(&trust(), NOW).expect("signed"), None).expect("the first");
        for body in &published().bodies {
            loader.supply(HashedBody::compute(body.clone())).expect("it is promised");
        }
        let mut slot = None;
        loader.install(&mut slot).expect("complete");
        slot.expect("installed")
    })
}

/// The key's token.
pub(crate) fn token_of(number: u8) -> String {
    token(environment_of(number), number)
}

/// Tokens that pass somewhere.
pub(crate) fn good_tokens() -> impl Iterator<Item = String> {
    (0..=KEYS).filter(|number| *number != REVOKED && number % 10 != 9).map(token_of)
}

fn environment_of(number: u8) -> latchkey_token::Environment {
    if number.is_multiple_of(2) {
        latchkey_token::Environment::Live
    } else {
        latchkey_token::Environment::Test
    }
}

/// A token whose secret is made of one number, so that nobody takes it for a real one.
pub(crate) fn token(environment: latchkey_token::Environment, number: u8) -> String {
    let prefix = Prefix::new("demo").expect("a valid prefix");
    generate(&prefix, environment, &mut Constant(number)).expose().to_owned()
}

fn row(number: u8) -> NewRow {
    let Tag(tag) = tag(TagScheme::Sha256, None, &digest(token_of(number).as_bytes())).expect("no pepper");
    NewRow {
        tag,
        key_number: 1_000 + u64::from(number),
        expires_at: number.is_multiple_of(3).then_some(NOW + 86_400),
        live: number.is_multiple_of(2),
        disabled: number % 10 == 9,
        revoked: number == 19,
        profile: if number % 8 == 5 { restricted() } else { plain(number) },
    }
}

fn plain(number: u8) -> Profile {
    Profile {
        owner: Some(format!("owner-{}", number % 3)),
        roles: vec![1],
        grants: vec!["orders:read".into()],
        metadata: Some(r#"{"plan":"pro"}"#.into()),
        ..Profile::default()
    }
}

/// Every restriction that a key can have.
fn restricted() -> Profile {
    let rule = |allow, net: &str| IpRule { allow, net: net.parse().expect("a network") };
    let limit = |name: &str, mode| RateLimit { name: name.into(), limit: 100, window_seconds: 60, mode };
    Profile {
        ip_rules: vec![rule(false, "10.1.0.0/16"), rule(true, "10.0.0.0/8"), rule(true, "2001:db8::/32")],
        constraints: BTreeMap::from([("network".into(), vec!["mainnet".into(), "preprod".into()])]),
        rate_limits: vec![limit("burst", RateLimitMode::Local), limit("month", RateLimitMode::Exact)],
        credits: Some(Credits { grant_seq: 3, granted: BTreeMap::from([("calls".into(), 1_000)]) }),
        signing_keys: SigningKeys {
            required: true,
            keys: BTreeMap::from([("k1".into(), signer().public_key())]),
        },
        ..plain(0)
    }
}

fn policy() -> Vec<u8> {
    let route = |method: &str, path: &str, permission: Option<&str>| Route {
        method: method.into(),
        path: path.into(),
        permission: permission.map(Into::into),
        environment: Environment::Any,
        ..Route::default()
    };
    let policy = Policy {
        roles: vec![Role { number: 1, grants: vec!["orders:*".into(), "pay:*".into()] }],
        routes: vec![
            route("GET", "/orders/{id}", Some("orders:read")),
            route("POST", "/orders", Some("admin:write")),
            route("*", "/public/*", None),
            Route { upstream_credential: Some("node-{network}".into()), ..restricted_route() },
        ],
        upstream_credentials: vec![UpstreamCredential {
            name: "node-mainnet".into(),
            header: "authorization".into(),
            value_prefix: "Bearer ".into(),
            sealed: vec![7; 48],
        }],
        ..Policy::default()
    };
    policy.encode(KEYSPACE).expect("a valid policy")
}

/// A route that asks for everything that a route can ask for.
fn restricted_route() -> Route {
    Route {
        method: "POST".into(),
        path: "/pay/{network}".into(),
        permission: Some("pay:write".into()),
        environment: Environment::Live,
        constraints: BTreeMap::from([("network".into(), ConstraintSource::Path("network".into()))]),
        cost: BTreeMap::from([("calls".into(), 2)]),
        rate_cost: 5,
        signature: Some(RouteSignature {
            required: true,
            nonce: true,
            max_age_seconds: 300,
            components: vec!["content-digest".into()],
        }),
        ..Route::default()
    }
}

fn object(body: &[u8]) -> ObjectRef {
    ObjectRef::to(body).expect("a small body")
}

/// Gives one byte over and over; below 62, so that none is thrown away for fairness.
struct Constant(u8);

impl TryRng for Constant {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        target.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Constant {}
