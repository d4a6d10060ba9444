//! `cargo xtask sim [--seeds N] [--from SEED]`: runs seeds until one breaks a promise, and says what was tried.
#![expect(clippy::print_stdout, reason = "a terminal program")]

use std::process::ExitCode;

use latchkey_sim::{Scenario, Totals, Variant, run};

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let [from, seeds] = numbers[..] else {
        eprintln!("Usage: latchkey-sim FIRST_SEED SEEDS");
        return ExitCode::from(2);
    };
    for scenario in Scenario::ALL {
        let mut totals = Totals::default();
        for seed in from..from + seeds {
            match run(seed, scenario, Variant::Ours) {
                Ok(run) => totals += run,
                Err(violation) => {
                    eprintln!("A promise was broken: {violation}");
                    return ExitCode::FAILURE;
                }
            }
        }
        println!("{scenario:?}, seeds {from} to {}: no promise broken\n  {totals:?}", from + seeds - 1);
    }
    ExitCode::SUCCESS
}
