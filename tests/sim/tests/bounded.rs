//! A few seeds of each scenario; `cargo xtask sim` runs as many as one likes.

use latchkey_sim::{Scenario, Totals, Variant, run};

const SEEDS: u64 = 2;
/// Enough for each unsafe fleet to come to grief.
const UNSAFE_SEEDS: u64 = 5;

#[test]
fn every_promise_holds_in_calm_in_outages_and_under_attack() {
    for scenario in Scenario::ALL {
        let mut totals = Totals::default();
        for seed in 0..SEEDS {
            totals += run(seed, scenario, Variant::Ours).unwrap_or_else(|violation| panic!("{violation}"));
        }
        assert!(
            totals.decisions > 10_000 && totals.revocations > 50,
            "{scenario:?} hardly did anything: {totals:?}"
        );
        // A run in which nobody was ever admitted late would not have tried the bounds.
        assert!(totals.admitted_within_bound > 0, "{scenario:?}: {totals:?}");
    }
}

#[test]
fn the_simulation_notices_each_safeguard_that_is_missing() {
    for variant in Variant::UNSAFE {
        let mut runs =
            (0..UNSAFE_SEEDS).flat_map(|seed| Scenario::ALL.map(|scenario| run(seed, scenario, variant)));
        assert!(runs.any(|result| result.is_err()), "{variant:?} broke no promise");
    }
}

#[test]
fn a_seed_fixes_the_run() {
    assert_eq!(run(7, Scenario::Attacked, Variant::Ours), run(7, Scenario::Attacked, Variant::Ours));
}
