//! What a decision costs natively at 1k, 100k and 1M keys, beside its floor: SHA-256 of one block.
//!
//! Every round times every contender, so that a noisy moment hits all of them. Reports as `cargo xtask bench` reads it.
#![expect(clippy::print_stdout, reason = "the figures go to standard output")]

use std::hint::black_box;
use std::time::Instant;

use latchkey_snapshot::{Environment, NewRow, Policy, Profile, Route, Snapshot};
use latchkey_token::Environment::Test;
use latchkey_token::digest;
use latchkey_validator::{Code, Credential, GateView, Loaded, RequestFacts, Rules, Verdict, decide};

#[path = "../tests/it/fixture.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fixture;

#[path = "../../latchkey-snapshot/examples/restricted/mod.rs"]
mod restricted;

use fixture::{ISSUED_AT, Plan, numbered_token, row};

const ROUNDS: usize = 15;
const CALLS: usize = 100_000;
/// Keys that requests are made with. A power of two, so that picking one costs a mask and not a division.
const SAMPLE: usize = 32_768;
const SIZES: [(&str, usize); 3] = [("1k", 1_000), ("100k", 100_000), ("1m", 1_000_000)];

/// Address rules of each key where a decision makes every check that it can make.
const RESTRICTED: [(&str, u32); 2] = [("few_rules_1m", 4), ("full_1m", 256)];

struct Gate {
    snapshot: Snapshot,
    rules: Rules,
    headers: Vec<String>,
    target: &'static str,
}

fn main() {
    let mut gates: Vec<(&str, String, Gate)> = Vec::new();
    for (name, keys) in SIZES {
        gates.push((name, format!("{keys} keys, all in memory"), Gate::with(keys)));
    }
    for (name, rules) in RESTRICTED {
        let note = format!("the same with {rules} address rules a key, 50 routes, roles, 2 constraints");
        gates.push((name, note, Gate::restricted(1_000_000, rules)));
    }
    let mut junk = gates[0].2.headers.clone();
    junk.iter_mut().for_each(|header| header.replace_range(20..21, "-"));
    for round in 0..=ROUNDS {
        let floor = time(|call| black_box(hash(&gates[0].2.headers, call)));
        let refused = time(|call| gates[0].2.decide(&junk, call, Code::MalformedKey));
        let costs: Vec<f64> = gates
            .iter()
            .map(|(.., gate)| time(|call| gate.decide(&gate.headers, call, Code::Valid)))
            .collect();
        // The first round warms caches and branch predictors up.
        if round > 0 {
            report("floor.sha256_block.native_ns", floor, "ns", "one SHA-256 block alone, of a token");
            report("decide.native.malformed_ns", refused, "ns", "junk that is refused before it is hashed");
            for ((name, note, _), cost) in gates.iter().zip(costs) {
                report(&format!("decide.native.{name}_ns"), cost, "ns", note);
            }
        }
    }
}

impl Gate {
    fn with(keys: usize) -> Self {
        let route = |method: &str, path: &str, permission: &str| Route {
            method: method.into(),
            path: path.into(),
            permission: Some(permission.into()),
            environment: Environment::Any,
            ..Route::default()
        };
        let routes = vec![
            route("GET", "/v1/orders/{id}", "orders:read"),
            route("POST", "/v1/orders", "orders:write"),
            route("*", "/v1/invoices/*", "invoices:all"),
        ];
        let profile = |_| Profile { grants: vec!["orders:read".into()], ..Profile::default() };
        Self::of(keys, Policy { routes, ..Policy::default() }, profile, "/v1/orders/1234")
    }

    fn restricted(keys: usize, rules: u32) -> Self {
        let profiles: Vec<Profile> = (0..8).map(|number| restricted::profile(number, rules)).collect();
        Self::of(keys, restricted::policy(), |number| profiles[number % 8].clone(), restricted::TARGET)
    }

    fn of(keys: usize, policy: Policy, profile: impl Fn(usize) -> Profile, target: &'static str) -> Self {
        let tokens: Vec<String> = (0..keys as u64).map(|number| numbered_token(Test, number)).collect();
        let rows = tokens
            .iter()
            .zip(0..)
            .map(|(token, number)| NewRow { profile: profile(number), ..row(token, number as u64) });
        let plan = Plan { policy, rows: rows.collect(), ..Plan::default() };
        let (snapshot, rules) = plan.load();
        // Keys are issued in no order of their tags, so any stretch of them is spread over the whole base.
        let headers = (0..SAMPLE).map(|at| format!("Bearer {}", tokens[at % keys])).collect();
        Self { snapshot, rules, headers, target }
    }

    fn decide(&self, headers: &[String], call: usize, expected: Code) {
        let loaded = Some(Loaded { snapshot: &self.snapshot, rules: &self.rules });
        let gate = GateView { peppers: &[], loaded };
        let credential = Credential::Authorization(headers[call & (SAMPLE - 1)].as_bytes());
        let facts = RequestFacts::new(credential, black_box("GET"), black_box(self.target.as_bytes()))
            .with_address_text(Some(black_box(restricted::ADDRESS.as_bytes())));
        match black_box(decide(&facts, &gate, ISSUED_AT)) {
            Verdict::Decided(decision) => assert_eq!(decision.code, expected),
            Verdict::Conditional(conditional) => panic!("left to do: {:?}", conditional.demands),
            Verdict::NeedsObject(object) => panic!("everything is loaded, but {object:?} is asked for"),
        }
    }
}

fn hash(headers: &[String], call: usize) -> u8 {
    let header = headers[call & (SAMPLE - 1)].as_bytes();
    digest(&header["Bearer ".len()..]).0[0]
}

/// Nanoseconds a call.
fn time<T>(mut run: impl FnMut(usize) -> T) -> f64 {
    let start = Instant::now();
    for call in 0..CALLS {
        black_box(run(call));
    }
    start.elapsed().as_nanos() as f64 / CALLS as f64
}

fn report(name: &str, value: f64, unit: &str, note: &str) {
    println!("{{\"name\":\"{name}\",\"value\":{value:.2},\"unit\":\"{unit}\",\"note\":\"{note}\"}}");
}
