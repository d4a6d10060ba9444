//! `cargo xtask sim`: the simulation of `tests/sim`, optimised, over as many seeds as asked for.

use crate::error::{Result, fail};
use crate::{checks, tools};

const DEFAULT_SEEDS: u64 = 100;

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (from, seeds) = parse(arguments)?;
    let mut command = tools::cargo();
    command.args(["run", "--quiet", "--release", "--package", "latchkey-sim", "--"]);
    checks::run("simulation", command.arg(from.to_string()).arg(seeds.to_string()))
}

/// The first seed and how many.
fn parse(arguments: &[&str]) -> Result<(u64, u64)> {
    let (mut from, mut seeds) = (0, DEFAULT_SEEDS);
    for pair in arguments.chunks(2) {
        match (pair[0], pair.get(1).and_then(|text| text.parse().ok())) {
            ("--from", Some(number)) => from = number,
            ("--seeds", Some(number)) if number > 0 => seeds = number,
            _ => return fail("sim takes --seeds N (from 1 on) and --from SEED"),
        }
    }
    Ok((from, seeds))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn takes_how_many_seeds_and_from_which() {
        assert_eq!(parse(&[]).unwrap(), (0, 100));
        assert_eq!(parse(&["--seeds", "5", "--from", "7"]).unwrap(), (7, 5));
        for wrong in [&["--seeds"][..], &["--seeds", "0"], &["--seed", "3"], &["7"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
