//! What a base of many keys costs. Without arguments, one of each number of keys in `LATCHKEY_BENCH_KEYS` (1, 10 and 100 million) is built of made-up
//! keys, then again with one key revoked, with 10,000 keys changed and with 1 % of them.
//!
//! `bench_scale COUNT DIR` builds one and leaves in DIR what a gate needs to serve it: `bodies.bin` (each behind its length as a little-endian u32), `head.bin`,
//! `policy.bin`, `trust.json` and `tokens.txt`, 100,000 of the keys' tokens in random order; and the next head, `later-head.bin`, with a segment, `later-segment.bin`,
//! in which the last 20,000 of those are revoked. Of a base of more than 20 million keys only the first sixteenth is kept,
//! and all tokens are from there.
//!
//! Tags are as evenly spread as hashes are, but made in their order, so that nothing has to be sorted and only a shard is in memory. What is timed is
//! building alone, in processor time of this thread.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, create_dir_all, read_to_string, write};
use std::io::{BufWriter, Write};
use std::path::Path;

use latchkey_snapshot::bundle::{Intent, encode};
use latchkey_snapshot::{
    Audience, BareRow, BaseBuilder, BaseRef, BuiltBase, Changes, EncodedProfile, Environment, Head,
    HeadSigner, ObjectRef, Policy, Profile, Reason, Revoke, Route, SegmentRef, TagScheme, encode_head,
    public_key_text, shard_bits_for,
};
use latchkey_token::{Environment as TokenEnvironment, Prefix, generate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

const KEYSPACE: u64 = 1;
/// Real tokens among the made-up tags.
const TOKENS: usize = 100_000;
/// Revocations that an isolate may miss and still catch up with by segments.
const MISSED: usize = 20_000;
/// Distinct sets of owner, grants and metadata.
const PROFILES: u64 = 1_000;
/// From here on only this part of the base is kept.
const LARGE: u64 = 20_000_000;
const KEPT_PART: u32 = 16;
/// Rows that are made at once, so that making them is not timed.
const CHUNK: usize = 65_536;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(count), Some(folder)) => keep(count.parse()?, Path::new(&folder)),
        (None, None) => {
            let counts = std::env::var("LATCHKEY_BENCH_KEYS");
            let counts = counts.as_deref().unwrap_or("1000000,10000000,100000000");
            counts.split(',').try_for_each(|count| measure(count.parse()?))
        }
        _ => Err("usage: bench_scale [COUNT DIR]".into()),
    }
}

fn keep(count: u64, folder: &Path) -> Result<()> {
    let keys = Keys::new(count);
    let mut store = Store::new(folder, count)?;
    let (base, _) = build(&keys, None, |object, bytes| store.keep(object, &bytes))?;
    store.finish()?;
    keys.publish(folder, &base)
}

fn measure(count: u64) -> Result<()> {
    let keys = Keys::new(count);
    let (base, seconds) = build(&keys, None, |_, _| {})?;
    let name = format!("scale.{}", size(count));
    report(&format!("{name}.encode_cpu_s"), seconds, "s", "the encoder alone, from rows in memory");
    report(&format!("{name}.base_bytes"), base.bytes() as f64, "B", &format!("{} shards", base.shards.len()));
    report(
        &format!("{name}.key_bytes"),
        base.bytes() as f64 / count as f64,
        "B",
        "of the base, for each key",
    );
    let one = keys.push_of_revocations(1)?;
    report(&format!("{name}.one_revocation_push_bytes"), one as f64, "B", "head and segment");
    let more = (keys.push_of_revocations(20_000)? - one) as f64 / 19_999.0;
    report(
        &format!("{name}.further_revocation_push_bytes"),
        more,
        "B",
        "each further one that goes out with it",
    );
    for (what, every) in [("one", u64::MAX), ("10k", count / 10_000), ("1pc", 100)] {
        rebuild(&name, what, &keys, &base, every)?;
    }
    Ok(())
}

/// Builds the base again out of the first one, after the first key and then each of so many was changed.
fn rebuild(name: &str, what: &str, keys: &Keys, base: &BuiltBase, every: u64) -> Result<()> {
    let (mut written, mut shards) = (0, 0);
    let (next, seconds) = build(keys, Some((base, &Changed { every })), |_, bytes| {
        written += bytes.len();
        shards += usize::from(bytes.starts_with(b"LKSH"));
    })?;
    let note = format!("{shards} of {} shards", next.shards.len());
    report(&format!("{name}.rebuild_{what}_bytes"), written as f64, "B", &note);
    report(&format!("{name}.rebuild_{what}_cpu_s"), seconds, "s", &note);
    Ok(())
}

fn size(count: u64) -> String {
    if count.is_multiple_of(1_000_000) {
        format!("{}m", count / 1_000_000)
    } else {
        format!("{}k", count / 1_000)
    }
}

fn report(name: &str, value: f64, unit: &str, note: &str) {
    #[expect(clippy::print_stdout, reason = "a terminal program")]
    {
        println!(r#"{{"name":"{name}","value":{value},"unit":"{unit}","note":"{note}"}}"#);
    }
}

/// Which keys are changed between two bases: the first, and then each of so many.
struct Changed {
    every: u64,
}

impl Changed {
    fn has(&self, number: u64) -> bool {
        number.is_multiple_of(self.every)
    }
}

/// Made-up keys: real tokens, and between them tags that nobody has a token for.
struct Keys {
    count: u64,
    /// By tag.
    tokens: Vec<([u8; 16], String)>,
    profiles: Vec<EncodedProfile>,
    spacing: u64,
}

impl Keys {
    fn new(count: u64) -> Self {
        let tokens = TOKENS.min(count as usize / 4);
        let part = if count > LARGE { 256 / KEPT_PART } else { 256 };
        let mut rng = StdRng::seed_from_u64(7);
        let prefix = Prefix::new("demo").expect("a good prefix");
        let mut made = BTreeMap::new();
        while made.len() < tokens {
            let token = generate(&prefix, TokenEnvironment::Test, &mut rng);
            let mut tag = [0; 16];
            tag.copy_from_slice(&latchkey_token::digest(token.expose().as_bytes()).0[..16]);
            if u32::from(tag[0]) < part {
                made.insert(tag, token.expose().to_owned());
            }
        }
        let profile = |number| Profile {
            owner: Some(format!("customer-{number}")),
            grants: vec!["hello:read".into()],
            metadata: Some(r#"{"plan":"gold"}"#.into()),
            ..Profile::default()
        };
        let profiles = (0..PROFILES).map(|number| profile(number).encoded().expect("small")).collect();
        let spacing = u64::MAX / (count - tokens as u64);
        Self { count, tokens: made.into_iter().collect(), profiles, spacing }
    }

    /// All rows in tag order, as numbers and tags.
    fn tags(&self) -> impl Iterator<Item = [u8; 16]> + '_ {
        let made_up = (0..self.count - self.tokens.len() as u64).map(|number| {
            let noise = mix(number);
            let mut tag = [0; 16];
            tag[..8].copy_from_slice(&(number * self.spacing + noise % self.spacing).to_be_bytes());
            tag[8..].copy_from_slice(&mix(noise).to_be_bytes());
            tag
        });
        merge(made_up, self.tokens.iter().map(|(tag, _)| *tag))
    }

    fn row(&self, number: u64, tag: [u8; 16], revoked: bool) -> (BareRow, &EncodedProfile) {
        let profile = &self.profiles[(mix(number) % PROFILES) as usize];
        let bare = BareRow {
            tag,
            key_number: 1_000 + number,
            expires_at: None,
            live: false,
            disabled: false,
            revoked,
        };
        (bare, profile)
    }

    /// Bytes of what a gate is sent when so many keys were revoked together.
    fn push_of_revocations(&self, count: usize) -> Result<usize> {
        let segment = revocations(self.tags().take(count))?;
        let any = ObjectRef::to(b"any")?;
        let base =
            BuiltBase { root: any, shard_bits: 0, rows: self.count, shards: Vec::new(), pages: Vec::new() };
        let head = self.head(&base, any, Some((&segment, count)), 1_800_000_000)?;
        Ok(encode(Intent::Commit, &head, [segment.as_slice()].into_iter())?.len())
    }

    fn head(
        &self,
        base: &BuiltBase,
        policy: ObjectRef,
        revoked: Option<(&[u8], usize)>,
        now: u64,
    ) -> Result<Vec<u8>> {
        let count = revoked.map_or(0, |(_, count)| count as u64);
        let segment = revoked.map(|(segment, _)| ObjectRef::to(segment)).transpose()?;
        let segments: Vec<_> =
            segment.into_iter().map(|object| SegmentRef { object, last_seq: 1 + count }).collect();
        let head = Head {
            audience: audience(),
            tag_scheme: TagScheme::Sha256,
            epoch: 1,
            seq: 1 + segments.len() as u64,
            change_seq: 1 + count,
            issued_at: now,
            fresh_until: now + 86_400,
            valid_until: now + 864_000,
            key_count: base.rows,
            previous: [0; 32],
            policy,
            base: BaseRef { change_seq: 1, shard_bits: base.shard_bits, root: base.root },
            segments,
        };
        Ok(encode_head(&head, &[&signer()])?)
    }

    /// Everything that a gate needs besides the base.
    fn publish(&self, folder: &Path, base: &BuiltBase) -> Result<()> {
        let route = Route {
            method: "GET".into(),
            path: "/v1/hello".into(),
            permission: Some("hello:read".into()),
            ..Route::default()
        };
        let policy = Policy { routes: vec![route], ..Policy::default() }.encode(KEYSPACE)?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let mut tokens: Vec<_> = self.tokens.iter().collect();
        tokens.shuffle(&mut StdRng::seed_from_u64(8));
        let revoked = tokens.iter().rev().take(MISSED).map(|(tag, _)| *tag);
        let (revoked, segment) = (revoked.len(), revocations(revoked)?);
        let policy_object = ObjectRef::to(&policy)?;
        write(folder.join("head.bin"), self.head(base, policy_object, None, now)?)?;
        let later = self.head(base, policy_object, Some((&segment, revoked)), now)?;
        write(folder.join("later-head.bin"), later)?;
        write(folder.join("later-segment.bin"), segment)?;
        write(folder.join("policy.bin"), policy)?;
        let tokens: Vec<&str> = tokens.iter().map(|(_, token)| token.as_str()).collect();
        write(folder.join("tokens.txt"), tokens.join("\n"))?;
        let (audience, key) = (audience().to_string(), public_key_text(&signer().public_key()));
        write(folder.join("trust.json"), format!(r#"{{"audience":"{audience}","key":"{key}"}}"#))?;
        Ok(())
    }
}

/// A segment that revokes the keys with these tags.
fn revocations(tags: impl Iterator<Item = [u8; 16]>) -> Result<Vec<u8>> {
    let revokes = tags.map(|tag| Revoke {
        prefix: tag[..8].try_into().expect("16 bytes"),
        seq: 1,
        reason: Reason::Admin,
    });
    let changes = Changes { revokes: revokes.collect(), ..Changes::default() };
    let count = changes.revokes.len() as u64;
    Ok(changes.encode(KEYSPACE, 1, 1 + count)?)
}

fn audience() -> Audience {
    Audience { keyspace: KEYSPACE, environment: Environment::Any }
}

fn signer() -> HeadSigner {
    HeadSigner::from_seed(&[7; 32])
}

/// A number that looks random: the finalizer of SplitMix64.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn merge<'a>(
    one: impl Iterator<Item = [u8; 16]> + 'a,
    other: impl Iterator<Item = [u8; 16]> + 'a,
) -> impl Iterator<Item = [u8; 16]> + 'a {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(left), Some(right)) if left > right => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

/// Builds a base and says how many seconds of processor time that took. Out of an earlier base, only shards with changed keys are built.
fn build(
    keys: &Keys,
    earlier: Option<(&BuiltBase, &Changed)>,
    emit: impl FnMut(ObjectRef, Vec<u8>),
) -> Result<(BuiltBase, f64)> {
    let shard_bits = shard_bits_for(keys.count);
    let changed: Vec<bool> = match earlier {
        None => vec![true; 1 << shard_bits],
        Some((_, changed)) => {
            let mut shards = vec![false; 1 << shard_bits];
            for (_, tag) in (0_u64..).zip(keys.tags()).filter(|(number, _)| changed.has(*number)) {
                shards[shard(&tag, shard_bits)] = true;
            }
            shards
        }
    };
    let mut builder = BaseBuilder::new(KEYSPACE, shard_bits, emit)?;
    let mut seconds = 0.0;
    let mut next = 0;
    let mut tags = (0_u64..).zip(keys.tags()).filter(|(_, tag)| changed[shard(tag, shard_bits)]).peekable();
    while tags.peek().is_some() {
        let is_revoked = |number| earlier.is_some_and(|(_, changed)| changed.has(number));
        let rows: Vec<_> = tags
            .by_ref()
            .take(CHUNK)
            .map(|(number, tag)| keys.row(number, tag, is_revoked(number)))
            .collect();
        let before = processor_seconds()?;
        for (row, profile) in rows {
            let number = shard(&row.tag, shard_bits);
            if let Some((base, _)) = earlier {
                for kept in (next..number).filter(|kept| !changed[*kept]) {
                    builder.keep(kept as u32, base.shards[kept])?;
                }
                next = number;
            }
            builder.push_encoded(&row, profile)?;
        }
        seconds += processor_seconds()? - before;
    }
    let before = processor_seconds()?;
    if let Some((base, _)) = earlier {
        for kept in (next..changed.len()).filter(|kept| !changed[*kept]) {
            builder.keep(kept as u32, base.shards[kept])?;
        }
    }
    let built = builder.finish()?;
    Ok((built, seconds + processor_seconds()? - before))
}

fn shard(tag: &[u8; 16], shard_bits: u8) -> usize {
    let prefix = u64::from_be_bytes(tag[..8].try_into().expect("16 bytes"));
    prefix.checked_shr(64 - u32::from(shard_bits)).unwrap_or(0) as usize
}

/// Of this thread; other programs on the machine do not change it much.
fn processor_seconds() -> Result<f64> {
    let text = read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().ok_or("no figures of this thread")?.parse()?;
    Ok(nanoseconds / 1e9)
}

/// The file that bodies go to.
struct Store {
    file: BufWriter<File>,
    /// Shards from this number on are left out.
    end: u32,
    failed: Option<std::io::Error>,
}

impl Store {
    fn new(folder: &Path, count: u64) -> Result<Self> {
        create_dir_all(folder)?;
        let file = BufWriter::new(File::create(folder.join("bodies.bin"))?);
        let end = if count > LARGE { (1 << shard_bits_for(count)) / KEPT_PART } else { u32::MAX };
        Ok(Self { file, end, failed: None })
    }

    fn keep(&mut self, object: ObjectRef, bytes: &[u8]) {
        if bytes.starts_with(b"LKSH") && shard_number(bytes) >= self.end {
            return;
        }
        let length = object.length.to_le_bytes();
        let file = &mut self.file;
        if let Err(error) = file.write_all(&length).and_then(|()| file.write_all(bytes)) {
            self.failed.get_or_insert(error);
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.file.flush()?;
        self.failed.take().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Where `spec/snapshot.md` section 7 has it.
fn shard_number(shard: &[u8]) -> u32 {
    u32::from_le_bytes(shard[16..20].try_into().expect("a shard has a header"))
}
