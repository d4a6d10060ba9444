//! A bounded search on stable Rust, with no program to install: every seed, everything in `fuzz/corpus`, and mutations of both, the same ones in
//! each run. `cargo xtask fuzz` searches on, guided by coverage.

use std::path::PathBuf;

use latchkey_fuzz_targets::{TARGETS, Target, mutated};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// For each target; `LATCHKEY_FUZZ_RUNS` asks for another number.
const RUNS: usize = 2_000;

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
            (target.run)(&mutated(&inputs, &mut rng));
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
