//! Attacks on whoever holds a snapshot. Each is tried first on a holder that lacks one safeguard, which falls for it, then on one that lacks
//! none, and then on the real way in: who refuses everything proves nothing, and neither does an attack that nobody would fall for.

use latchkey_snapshot::{
    Audience, Changes, Environment, HashedBody, HighWater, Loader, Refusal, Snapshot, Trust, TrustedKey,
    UnverifiedHead, encode_head, sha256,
};

use crate::fixture::{AUDIENCE, KEYSPACE, NOW, Unsigned, build, row, signer, small};

/// A step of `spec/snapshot.md` sections 3.1 and 8 that a careless implementation could leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Safeguard {
    Audience,
    Signature,
    /// When a key may sign.
    SignerTimes,
    NotFromTheFuture,
    Validity,
    Newer,
    /// Newer, and not just as new.
    StrictlyNewer,
    BodyHash,
    BodyLength,
}

/// Who may sign: a name, and the seconds between which.
type Signer = (&'static str, u64, u64);

const ALWAYS: Signer = ("k1", 0, u64::MAX);

struct Attack {
    name: &'static str,
    /// What it takes to fall for it.
    without: Safeguard,
    head: Vec<u8>,
    bodies: Vec<Vec<u8>>,
    trusted: Signer,
    refused_as: Refusal,
}

impl Attack {
    /// A genuine push, which each attack then spoils.
    fn by(
        name: &'static str,
        without: Safeguard,
        refused_as: Refusal,
        spoil: impl FnOnce(&mut Unsigned),
    ) -> Self {
        let mut sent = newer();
        spoil(&mut sent);
        let head = sent.sign(&["k1"]);
        Self { name, without, head, bodies: sent.bodies, trusted: ALWAYS, refused_as }
    }

    fn signed_by(self, name: &str) -> Self {
        let fields = UnverifiedHead::parse(&self.head).expect("a head").unverified_fields().clone();
        Self { head: encode_head(&fields, &[&signer(name)]).expect("within limits"), ..self }
    }

    fn trusting(self, trusted: Signer) -> Self {
        Self { trusted, ..self }
    }
}

/// What the holder has already.
const HELD: HighWater = HighWater { epoch: 1, seq: 7 };

fn newer() -> Unsigned {
    let mut sent = small();
    sent.head.seq = HELD.seq + 1;
    sent
}

/// A snapshot at `HELD` whose bodies are none of the head's.
fn held() -> Snapshot {
    let mut other = build(&[row(1)], 0, vec![]);
    (other.head.epoch, other.head.seq) = (HELD.epoch, HELD.seq);
    other.snapshot()
}

/// Bodies lie in the order policy, base, segments; this is the last segment.
fn last_segment(sent: &mut Unsigned) -> &mut Vec<u8> {
    sent.bodies.last_mut().expect("two segments")
}

fn attacks() -> Vec<Attack> {
    use Safeguard::{
        Audience as For, BodyHash, BodyLength, Newer, NotFromTheFuture, Signature, SignerTimes,
        StrictlyNewer, Validity,
    };
    let other_place = |keyspace, environment| {
        move |sent: &mut Unsigned| sent.head.audience = Audience { keyspace, environment }
    };
    let issued = |from: u64, until: u64| {
        move |sent: &mut Unsigned| {
            (sent.head.issued_at, sent.head.fresh_until, sent.head.valid_until) = (from, from, until);
        }
    };
    let rolled_back = |epoch, seq| move |sent: &mut Unsigned| (sent.head.epoch, sent.head.seq) = (epoch, seq);
    let as_it_was = |_: &mut Unsigned| {};
    vec![
        Attack::by("a head by a stranger", Signature, Refusal::KeyNotTrusted, as_it_was)
            .signed_by("stranger"),
        flipped_bit(),
        Attack::by(
            "another keyspace's head",
            For,
            Refusal::AudienceMismatch,
            other_place(KEYSPACE + 1, Environment::Any),
        ),
        Attack::by(
            "another deployment's head",
            For,
            Refusal::AudienceMismatch,
            other_place(KEYSPACE, Environment::Test),
        ),
        Attack::by("rollback", Newer, Refusal::NotNewer, rolled_back(1, HELD.seq - 1)),
        Attack::by("rollback to an epoch before", Newer, Refusal::NotNewer, rolled_back(0, u64::MAX)),
        Attack::by(
            "a second head with the same seq",
            StrictlyNewer,
            Refusal::NotNewer,
            rolled_back(1, HELD.seq),
        ),
        Attack::by("fast-forward", NotFromTheFuture, Refusal::IssuedInFuture, issued(NOW + 301, NOW + 400)),
        Attack::by("freeze past the end", Validity, Refusal::Expired, issued(NOW - 90, NOW - 1)),
        Attack::by("a key that is no longer trusted", SignerTimes, Refusal::KeyNotTrusted, as_it_was)
            .trusting(("k1", 0, NOW - 1)),
        Attack::by("a key that is not trusted yet", SignerTimes, Refusal::KeyNotTrusted, as_it_was)
            .trusting(("k1", NOW + 1, u64::MAX)),
        Attack::by("a changed body", BodyHash, Refusal::BodyUnexpected, |sent| {
            let segment = last_segment(sent);
            let end = segment.len() - 1;
            segment[end] ^= 1;
        }),
        Attack::by("a body of another head", BodyHash, Refusal::BodyUnexpected, |sent| {
            let other = Changes { upserts: vec![row(103)], ..Changes::default() };
            *last_segment(sent) = other.encode(KEYSPACE, 101, 102).expect("small");
        }),
        Attack::by("a body that goes on", BodyLength, Refusal::BodyUnexpected, |sent| {
            last_segment(sent).extend([0; 4_096]);
        }),
    ]
}

fn flipped_bit() -> Attack {
    let mut attack = Attack::by("a changed head", Safeguard::Signature, Refusal::SignatureInvalid, |_| {});
    // In the key count, which nothing else vouches for.
    let count = 40u64.to_le_bytes();
    let at = attack.head.windows(8).position(|bytes| bytes == count).expect("the count is in the head");
    attack.head[at] ^= 1;
    attack
}

/// Tells whether it would take a push in, in few words and by looking at the fields; without one of the safeguards, if so wished.
fn takes(attack: &Attack, lacks: Option<Safeguard>) -> bool {
    let checks = |safeguard| lacks != Some(safeguard);
    let head = UnverifiedHead::parse(&attack.head).expect("every attack parses");
    let fields = head.unverified_fields().clone();
    let is_newer = match lacks {
        Some(Safeguard::Newer) => true,
        Some(Safeguard::StrictlyNewer) => fields.high_water() >= HELD,
        _ => fields.high_water() > HELD,
    };
    let segments = &attack.bodies[attack.bodies.len() - fields.segments.len()..];
    let mut named = fields.segments.iter().zip(segments);
    is_newer
        && (!checks(Safeguard::Audience) || fields.audience == AUDIENCE)
        && (!checks(Safeguard::NotFromTheFuture) || fields.issued_at <= NOW + 300)
        && (!checks(Safeguard::Validity) || fields.valid_until >= NOW)
        && (!checks(Safeguard::Signature) || is_signed(head, attack.trusted, checks(Safeguard::SignerTimes)))
        && named.all(|(segment, body)| {
            let length = segment.object.length as usize;
            // Who reads as much as was named never sees that there is more.
            let read = &body[..body.len().min(length)];
            (!checks(Safeguard::BodyLength) || body.len() == length)
                && (!checks(Safeguard::BodyHash) || sha256(read) == segment.object.sha256)
        })
}

/// By a trusted key; everything else that the head says is believed.
fn is_signed(head: UnverifiedHead<'_>, (name, from, until): Signer, at_its_time: bool) -> bool {
    let (audience, issued_at) = (head.unverified_audience(), head.unverified_fields().issued_at);
    let (from, until) = if at_its_time { (from, until) } else { (0, u64::MAX) };
    let key = TrustedKey::within(&signer(name).public_key(), from, until).expect("a strong key");
    head.verify(&Trust::new(audience, vec![key]), issued_at).is_ok()
}

/// The real way in, for a holder that has the snapshot of the fixture.
fn take_in(attack: &Attack) -> Result<(), Refusal> {
    let (name, from, until) = attack.trusted;
    let key = TrustedKey::within(&signer(name).public_key(), from, until).expect("a strong key");
    let head = UnverifiedHead::parse(&attack.head)?.verify(&Trust::new(AUDIENCE, vec![key]), NOW)?;
    head.require_valid(NOW)?;
    let mut slot = Some(held());
    let mut loader = Loader::new(head, slot.as_ref())?;
    // A store under its names, whatever it holds there by now.
    let names: Vec<[u8; 32]> = newer().bodies.iter().map(|body| sha256(body)).collect();
    let stored =
        |name| &attack.bodies[names.iter().position(|known| *known == name).expect("a name of the head's")];
    let mut asked = Vec::new();
    loop {
        let missing = loader.missing(slot.as_ref());
        let Some(object) = missing.iter().find(|object| !asked.contains(&object.sha256)) else { break };
        asked.push(object.sha256);
        loader.supply(HashedBody::compute(stored(object.sha256).clone()))?;
    }
    loader.install(&mut slot)
}

#[test]
fn every_attack_succeeds_without_its_safeguard_and_fails_with_it() {
    for attack in attacks() {
        let name = attack.name;
        assert!(takes(&attack, Some(attack.without)), "{name}: nobody would fall for this");
        assert!(!takes(&attack, None), "{name}: the safeguard is not what stops it");
        assert_eq!(take_in(&attack), Err(attack.refused_as), "{name}");
    }
}

#[test]
fn what_the_attacks_are_made_of_is_taken_in() {
    let genuine = Attack::by("nothing", Safeguard::Newer, Refusal::NotNewer, |_| {});
    assert!(takes(&genuine, None));
    assert_eq!(take_in(&genuine), Ok(()));
}
