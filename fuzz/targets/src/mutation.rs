//! Changes to inputs, for searches that nothing guides.

use rand::RngExt;
use rand::rngs::StdRng;

const LONGEST: usize = 16_384;

/// One of `inputs`, changed in one to four places. There must be one.
pub fn mutated(inputs: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut input = inputs[rng.random_range(0..inputs.len())].clone();
    for _ in 0..rng.random_range(1..=4) {
        mutate(&mut input, inputs, rng);
    }
    input
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
