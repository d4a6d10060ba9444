//! A bounded search on stable Rust, with no program to install: every seed, everything in `fuzz/corpus`, and mutations of both, the same ones in
//! each run. `cargo xtask fuzz` searches on, guided by coverage.

use std::path::PathBuf;

use latchkey_fuzz_targets::{TARGETS, Target};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// For each target; `LATCHKEY_FUZZ_RUNS` asks for another number.
const RUNS: usize = 2_000;
const LONGEST: usize = 16_384;

#[test]
fn every_claim_holds_for_seeds_and_corpus() {
    for target in TARGETS {
        inputs(target).iter().for_each(|input| (target.run)(input));
        (target.run)(&[]);
    }
}

#[test]
fn every_claim_holds_for_mutations() {
    let runs = std::env::var("LATCHKEY_FUZZ_RUNS").map_or(RUNS, |text| text.parse().expect("a number"));
    for target in TARGETS {
        let inputs = inputs(target);
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..runs {
            let mut input = inputs[rng.random_range(0..inputs.len())].clone();
            for _ in 0..rng.random_range(1..=4) {
                mutate(&mut input, &inputs, &mut rng);
            }
            (target.run)(&input);
        }
    }
}

fn inputs(target: Target) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target.name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map(|list| list.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.sort();
    let corpus = files.iter().map(|file| std::fs::read(file).expect("a readable corpus"));
    (target.seeds)().into_iter().chain(corpus).collect()
}

/// One of the changes that find most: a bit, a byte, a number at its limits, a piece left out, doubled, or taken from elsewhere.
fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut StdRng) {
    if input.is_empty() {
        input.push(rng.random());
        return;
    }
    let at = rng.random_range(0..input.len());
    let end = (at + rng.random_range(1..=8)).min(input.len());
    match rng.random_range(0..7) {
        0 => input[at] ^= 1 << rng.random_range(0..8),
        1 => input[at] = rng.random(),
        2 => input[at..end].fill(*[0, 0xff, 0x7f, 0x80].get(rng.random_range(0..4)).expect("four")),
        3 => drop(input.drain(at..end)),
        4 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        5 => {
            let other = &others[rng.random_range(0..others.len())];
            let from = rng.random_range(0..=other.len());
            let piece = other[from..].iter().take(rng.random_range(0..64)).copied().collect::<Vec<_>>();
            input.splice(at..at, piece);
        }
        _ => input.truncate(at),
    }
    input.truncate(LONGEST);
}
