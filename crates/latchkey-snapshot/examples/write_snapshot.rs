//! Writes a snapshot of made-up keys for benchmarks: `write_snapshot COUNT DIR [RULES]`.
//!
//! With RULES, the keys have so many address rules, roles and constraints, and the policy 50 routes that read them.
//!
//! DIR then holds `bundle.bin` (head, policy, index, and the shards of a base that is small enough to be loaded whole), `bodies.bin` (the
//! shards of a larger one, each behind its length as a little-endian u32),
//! `tokens.txt` (4,096 of the keys' tokens, in random order), `trust.json` (audience, trusted keys, time of issue) and `request.json` (the method,
//! target and client address of a request that every key may make).

use std::error::Error;
use std::fs::{File, create_dir_all, write};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use latchkey_snapshot::bundle::{Intent, encode};
use latchkey_snapshot::{
    Audience, BaseBuilder, BaseRef, Environment, Head, HeadSigner, NewRow, ObjectRef, Policy, Profile, Route,
    TagScheme, encode_head, limits, public_key_text, shard_bits_for,
};
use latchkey_token::{Environment as TokenEnvironment, Prefix, generate};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

mod restricted;

const KEYSPACE: u64 = 1;
const ISSUED_AT: u64 = 1_800_000_000;
const SAMPLE: usize = 4_096;
/// Distinct sets of owner, grants and metadata.
const PROFILES: u64 = 200;
/// Fewer of those that are large: every shard holds all of them.
const RESTRICTED_PROFILES: u64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(count), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: write_snapshot COUNT DIR [RULES]".into());
    };
    let rules: Option<u32> = arguments.next().map(|rules| rules.parse()).transpose()?;
    let (count, folder): (u64, PathBuf) = (count.parse()?, folder.into());
    create_dir_all(&folder)?;
    let (rows, tokens) = make_rows(count, rules)?;
    write(folder.join("tokens.txt"), tokens.join("\n"))?;

    let policy = rules.map_or_else(policy, |_| restricted::policy()).encode(KEYSPACE)?;
    write(folder.join("request.json"), request(rules))?;
    let mut bundled = Vec::new();
    let mut bodies = BufWriter::new(File::create(folder.join("bodies.bin"))?);
    let mut failed = None;
    let shard_bits = shard_bits_for(count);
    let mut builder = BaseBuilder::new(KEYSPACE, shard_bits, |_, body: Vec<u8>| {
        if body.starts_with(b"LKIX") || shard_bits <= limits::EAGER_SHARD_BITS {
            bundled.push(body);
            return;
        }
        let length = (body.len() as u32).to_le_bytes();
        if let Err(error) = bodies.write_all(&length).and_then(|()| bodies.write_all(&body)) {
            failed.get_or_insert(error);
        }
    })?;
    for row in &rows {
        builder.push(row)?;
    }
    let built = builder.finish()?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    bodies.flush()?;

    let signer = HeadSigner::from_seed(&[7; 32]);
    let audience = Audience { keyspace: KEYSPACE, environment: Environment::Any };
    let head = Head {
        audience,
        tag_scheme: TagScheme::Sha256,
        epoch: 1,
        seq: 1,
        change_seq: count,
        issued_at: ISSUED_AT,
        fresh_until: ISSUED_AT + 90,
        valid_until: ISSUED_AT + 86_400,
        key_count: built.rows,
        previous: [0; 32],
        policy: ObjectRef::to(&policy)?,
        base: BaseRef { change_seq: count, shard_bits: built.shard_bits, root: built.root },
        segments: Vec::new(),
    };
    let head = encode_head(&head, &[&signer])?;
    // Built from the shards up to the root; read from the root down.
    bundled.reverse();
    let bodies: Vec<&[u8]> = [&policy].into_iter().chain(&bundled).map(Vec::as_slice).collect();
    write(folder.join("bundle.bin"), encode(Intent::Commit, &head, bodies.into_iter())?)?;
    let key = public_key_text(&signer.public_key());
    let trust = format!(r#"{{"audience":"{audience}","trusted_keys":["{key}"],"issued_at":{ISSUED_AT}}}"#);
    write(folder.join("trust.json"), trust)?;
    Ok(())
}

/// Rows in tag order, and a sample of tokens.
fn make_rows(count: u64, rules: Option<u32>) -> Result<(Vec<NewRow>, Vec<String>), Box<dyn Error>> {
    let mut rng = StdRng::seed_from_u64(count);
    let prefix = Prefix::new("bench").map_err(|_| "the prefix follows the grammar")?;
    let mut rows = Vec::new();
    let mut tokens = Vec::new();
    for number in 0..count {
        let token = generate(&prefix, TokenEnvironment::Test, &mut rng);
        let mut tag = [0; 16];
        tag.copy_from_slice(&latchkey_token::digest(token.expose().as_bytes()).0[..16]);
        if tokens.len() < SAMPLE {
            tokens.push(token.expose().to_owned());
        } else if let Some(slot) = tokens.get_mut(rng.random_range(0..=number as usize)) {
            *slot = token.expose().to_owned();
        }
        rows.push(NewRow {
            tag,
            key_number: number,
            expires_at: Some(ISSUED_AT + 86_400),
            live: false,
            disabled: false,
            revoked: false,
            profile: match rules {
                Some(rules) => restricted::profile(number % RESTRICTED_PROFILES, rules),
                None => profile(number % PROFILES),
            },
        });
    }
    rows.sort_unstable_by_key(|row| row.tag);
    Ok((rows, tokens))
}

fn request(rules: Option<u32>) -> String {
    let (method, target, address) = match rules {
        Some(_) => (restricted::METHOD, restricted::TARGET, restricted::ADDRESS),
        None => ("GET", "/v1/orders/1234", ""),
    };
    format!(r#"{{"method":"{method}","target":"{target}","address":"{address}"}}"#)
}

fn profile(number: u64) -> Profile {
    Profile {
        owner: Some(format!("owner-{number}")),
        roles: Vec::new(),
        grants: vec!["orders:read".into(), format!("tenant-{number}:*")],
        metadata: Some(format!(r#"{{"plan":{number}}}"#)),
        ..Profile::default()
    }
}

fn policy() -> Policy {
    let route = |method: &str, path: &str, permission: &str| Route {
        method: method.into(),
        path: path.into(),
        permission: Some(permission.into()),
        environment: Environment::Any,
        ..Route::default()
    };
    let routes =
        vec![route("GET", "/v1/orders/{id}", "orders:read"), route("POST", "/v1/orders", "orders:write")];
    Policy { routes, ..Policy::default() }
}
