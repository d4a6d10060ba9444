//! Writes requests and what they are decided as, for another build to decide too: `write_decisions COUNT`. The first line is audience, trusted key, time
//! and bundle; then come code and request; bytes are in hex.

use std::io::{BufWriter, Write, stdout};

use latchkey_fuzz_targets::{TARGETS, code_of, deployment, mutated};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn main() -> std::io::Result<()> {
    let count: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let mut out = BufWriter::new(stdout().lock());
    let gate = deployment();
    writeln!(out, "{} {} {} {}", gate.audience, gate.trusted_key, gate.now, hex(&gate.bundle))?;
    let target = TARGETS.into_iter().find(|target| target.name == "decision");
    let seeds = target.map(|target| (target.seeds)()).unwrap_or_default();
    let mut rng = StdRng::seed_from_u64(2);
    let mutations = std::iter::repeat_with(|| mutated(&seeds, &mut rng)).take(count);
    for request in seeds.iter().cloned().chain(mutations) {
        writeln!(out, "{} {}", code_of(&request), hex(&request))?;
    }
    out.flush()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
