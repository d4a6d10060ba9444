//! `cargo xtask fuzz`: libFuzzer over every target of `fuzz/`, and what it did in a table. CI runs the same targets without it
//! (`fuzz/targets/tests/bounded.rs`), because it needs a nightly compiler.

use std::path::PathBuf;
use std::process::Command;

use crate::checks;
use crate::error::{Context, Result, fail};
use crate::processes::{Output, Process};
use crate::progress::Progress;
use crate::{paths, signals, tools};

const DEFAULT_SECONDS: u32 = 60;
/// Inputs longer than this find nothing that shorter ones do not.
const LONGEST_INPUT: u32 = 16_384;

/// What a call asks for.
#[derive(Debug, PartialEq)]
struct Options {
    seconds: u32,
    targets: Vec<String>,
}

/// What libFuzzer says at the end of a run.
struct Totals {
    target: String,
    runs: u64,
    covered: u64,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments, &targets()?)?;
    check_tools()?;
    let seeds = folder("seeds");
    let example = ["run", "--quiet", "--package", "latchkey-fuzz-targets", "--example", "write_seeds", "--"];
    checks::run("seeds", tools::cargo().args(example).arg(&seeds))?;
    let progress = Progress::start();
    let mut totals = Vec::new();
    for target in &options.targets {
        let step = progress.step(&format!("{target}, {} s", options.seconds));
        totals.push(fuzz(target, options.seconds)?);
        step.done();
    }
    println!("{:<12}{:>14}{:>12}", "target", "runs", "edges");
    for Totals { target, runs, covered } in &totals {
        println!("{target:<12}{runs:>14}{covered:>12}");
    }
    println!("{:<12}{:>14}", "all", totals.iter().map(|totals| totals.runs).sum::<u64>());
    Ok(())
}

impl Options {
    fn parse(arguments: &[&str], known: &[String]) -> Result<Self> {
        let mut options = Self { seconds: DEFAULT_SECONDS, targets: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match *argument {
                "--seconds" => {
                    let seconds =
                        rest.next().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
                    let Some(seconds) = seconds else { return fail("--seconds takes a number from 1 on") };
                    options.seconds = seconds;
                }
                name if known.iter().any(|known| known == name) => options.targets.push(name.to_owned()),
                other => {
                    return fail(format!("`{other}` is no target; there are: {}", known.join(", ")));
                }
            }
        }
        if options.targets.is_empty() {
            options.targets = known.to_vec();
        }
        Ok(options)
    }
}

/// Each program of the folder is a target.
fn targets() -> Result<Vec<String>> {
    let programs = paths::root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&programs).context(|| format!("reading {}", programs.display()))?;
    let names = entries.flatten().map(|entry| entry.path());
    let mut names: Vec<String> =
        names.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

fn check_tools() -> Result<()> {
    let answers = nightly().args(["fuzz", "--version"]).output().is_ok_and(|output| output.status.success());
    if answers {
        return Ok(());
    }
    fail(
        "libFuzzer needs a nightly compiler and cargo-fuzz:\n  rustup toolchain install nightly\n  cargo install cargo-fuzz",
    )
}

/// rustup's Cargo, not the one that runs us: that one is of the pinned toolchain.
fn nightly() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(paths::root().join("fuzz")).arg("+nightly");
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command
}

fn fuzz(target: &str, seconds: u32) -> Result<Totals> {
    // The first folder is the one that is added to.
    let found = folder("found").join(target);
    std::fs::create_dir_all(&found).context(|| format!("creating {}", found.display()))?;
    let corpus = paths::root().join("fuzz/corpus").join(target);
    let mut command = nightly();
    command.args(["fuzz", "run", "--target-dir"]).arg(paths::target().join("fuzz/build"));
    command.args(["--fuzz-dir", ".", target]).arg(&found).arg(folder("seeds").join(target));
    if corpus.is_dir() {
        command.arg(corpus);
    }
    command.args(["--", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={LONGEST_INPUT}"));
    let log = paths::step_log(&format!("fuzz-{target}"));
    let mut process = Process::start(&format!("the fuzzer of {target}"), &mut command, Output::Log(&log))?;
    if !process.wait(signals::check)?.success() {
        return process.failure("found input that breaks a claim, or could not be built");
    }
    let text = std::fs::read_to_string(&log).context(|| format!("reading {}", log.display()))?;
    Ok(Totals {
        target: target.to_owned(),
        runs: last_number(&text, "number_of_executed_units:"),
        covered: last_number(&text, " cov:"),
    })
}

fn folder(name: &str) -> PathBuf {
    paths::target().join("fuzz").join(name)
}

fn last_number(text: &str, label: &str) -> u64 {
    let rest = text.rsplit_once(label).map_or("", |(_, rest)| rest);
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Options, last_number};

    #[test]
    fn takes_seconds_and_targets_and_nothing_else() {
        let known = ["head".to_owned(), "token".to_owned()];
        let all = Options::parse(&[], &known).unwrap();
        assert_eq!(all, Options { seconds: 60, targets: known.to_vec() });
        let one = Options::parse(&["--seconds", "5", "head"], &known).unwrap();
        assert_eq!(one, Options { seconds: 5, targets: vec!["head".into()] });
        assert!(Options::parse(&["--seconds", "0"], &known).is_err());
        assert!(Options::parse(&["tail"], &known).is_err());
    }

    #[test]
    fn reads_the_last_figure_of_the_log() {
        let log = "#1 cov: 10 ft: 3\n#2 cov: 25 ft: 9\nstat::number_of_executed_units: 4711\n";
        assert_eq!((last_number(log, " cov:"), last_number(log, "number_of_executed_units:")), (25, 4_711));
    }
}
