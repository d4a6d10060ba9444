//! `cargo xtask bench NAME [--json FILE] [--keys N,…]`.
//!
//! This tool has no dependencies, so what is measured runs in programs of its own: examples of a crate (built in
//! release) or Node scripts under tests/bench. A program compares its contenders in one run, interleaved, over several
//! rounds, and reports on standard output, a line per figure and round:
//!
//! ```text
//! {"name":"decide.native.1m_ns","value":412.5,"unit":"ns","note":"1,000,000 keys"}
//! ```
//!
//! `name`, `value` (a number) and `unit` are required; ratios have the unit `x`. The values of one name over all rounds
//! become a median, a lowest and a highest. A figure that is a statistic already (`revoke.p99_ms`) is reported once, with
//! `low` and `high` where it has them. Lines that do not start with `{` are shown to the person who waits.
//!
//! Programs find the built parts in the environment, like the tests do: see `build::name_parts`. `--keys` is for benchmarks that depend on the size of a
//! keyspace (`scale`); its programs find it as `LATCHKEY_BENCH_KEYS`, and have sizes of their own without it.
//! Names of figures never change, so that files of different versions can be compared.

mod figures;

use std::process::Command;

use crate::build::{self, Native, Wanted};
use crate::error::{Result, fail};
use crate::processes::{Output, Process, each_line};
use crate::progress::Progress;
use crate::{paths, signals, tools};
use figures::Figures;

struct Benchmark {
    name: &'static str,
    /// Whether it runs the control plane and the gate.
    needs_system: bool,
    programs: &'static [Program],
}

enum Program {
    /// An example of a crate of this workspace: its name, and the Cargo run that builds it.
    Example(&'static str, Native<'static>),
    /// A script, from the repository's root.
    Script(&'static str),
}

const BENCHMARKS: [Benchmark; 8] = [
    Benchmark {
        name: "decide",
        needs_system: false,
        programs: &[
            Program::Example(
                "bench_decide",
                (
                    "native benchmark",
                    &["build", "--release", "--package", "latchkey-validator", "--example", "bench_decide"],
                ),
            ),
            Program::Script("tests/bench/decide.mjs"),
        ],
    },
    Benchmark { name: "gate", needs_system: true, programs: &[Program::Script("tests/bench/gate.mjs")] },
    Benchmark { name: "revoke", needs_system: true, programs: &[Program::Script("tests/bench/revoke.mjs")] },
    Benchmark {
        name: "scale",
        needs_system: true,
        programs: &[
            Program::Example(
                "bench_scale",
                (
                    "builder of large bases",
                    &[
                        "build",
                        "--release",
                        "--package",
                        "latchkey-snapshot",
                        "--features",
                        "sign",
                        "--example",
                        "bench_scale",
                    ],
                ),
            ),
            Program::Example(
                "bench_base",
                (
                    "builder of bases from the database",
                    &["build", "--release", "--package", "latchkey-control-plane", "--example", "bench_base"],
                ),
            ),
            Program::Script("tests/bench/scale.mjs"),
        ],
    },
    Benchmark {
        name: "control-plane",
        needs_system: true,
        programs: &[Program::Script("tests/bench/control-plane.mjs")],
    },
    Benchmark {
        name: "credits",
        needs_system: true,
        programs: &[Program::Script("tests/bench/credits.mjs")],
    },
    Benchmark {
        name: "signing",
        needs_system: false,
        programs: &[Program::Script("tests/bench/signing.mjs")],
    },
    Benchmark {
        name: "webhooks",
        needs_system: true,
        programs: &[Program::Script("tests/bench/webhooks.mjs")],
    },
];

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let Options { name, file, keys } = Options::parse(arguments)?;
    let Some(benchmark) = BENCHMARKS.iter().find(|benchmark| benchmark.name == name) else {
        return fail(format!("there is no benchmark `{name}`; there are: {}", names()));
    };
    benchmark.wanted().build(&Progress::start())?;
    let mut figures = Figures::default();
    for program in benchmark.programs {
        let mut command = program.command()?;
        if let Some(keys) = keys {
            command.env("LATCHKEY_BENCH_KEYS", keys);
        }
        collect(&mut command, &mut figures)?;
    }
    figures.print();
    file.map_or(Ok(()), |file| figures.write(file.as_ref()))
}

/// What a call asks for.
struct Options<'a> {
    name: &'a str,
    file: Option<&'a str>,
    keys: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self> {
        let (mut name, mut file, mut keys) = (None, None, None);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (wanted, value) = match *argument {
                "--json" => (&mut file, rest.next()),
                "--keys" => (&mut keys, rest.next()),
                _ => (&mut name, Some(argument)),
            };
            if value.is_none() || wanted.is_some() {
                return usage();
            }
            *wanted = value.copied();
        }
        let is_sizes =
            |text: &str| text.split(',').all(|size| size.parse::<u64>().is_ok_and(|size| size > 0));
        match name {
            Some(name) if keys.is_none_or(is_sizes) => Ok(Self { name, file, keys }),
            _ => usage(),
        }
    }
}

fn usage<T>() -> Result<T> {
    fail(format!("usage: cargo xtask bench NAME [--json FILE] [--keys N,…]; NAME is one of: {}", names()))
}

fn names() -> String {
    BENCHMARKS.map(|benchmark| benchmark.name).join(", ")
}

impl Benchmark {
    fn wanted(&self) -> Wanted<'static> {
        let mut native = Vec::new();
        if self.needs_system {
            native.push(build::RELEASED_CONTROL_PLANE);
        }
        native.extend(self.programs.iter().filter_map(|program| match program {
            Program::Example(_, build) => Some(*build),
            Program::Script(_) => None,
        }));
        Wanted { node_tools: true, edge: self.needs_system, wasm_for_node: true, native, ..Wanted::default() }
    }
}

impl Program {
    fn command(&self) -> Result<Command> {
        let mut command = match self {
            Self::Example(name, _) => {
                let mut command = Command::new(paths::target().join("release/examples").join(name));
                command.current_dir(paths::root());
                command
            }
            Self::Script(script) => {
                let mut command = tools::node()?;
                command.arg(script);
                command
            }
        };
        build::name_parts(&mut command);
        command.env("LATCHKEY_BIN", paths::released_control_plane());
        Ok(command)
    }
}

fn collect(command: &mut Command, figures: &mut Figures) -> Result<()> {
    let name = command.get_args().next().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    let mut process = Process::start(&name, command, Output::Piped(None))?;
    let (sender, lines) = std::sync::mpsc::channel();
    let reader = process.take_stdout().map(|stdout| {
        each_line(stdout, move |line| {
            if line.starts_with('{') {
                // The receiver outlives the reader.
                let _ = sender.send(line);
            } else {
                eprintln!("{line}");
            }
        })
    });
    let status = process.wait(signals::check)?;
    if !status.success() {
        return fail(format!("{name} failed ({status})"));
    }
    if let Some(reader) = reader {
        // It ends with the program's output, and a panic in it shows as missing figures below.
        let _ = reader.join();
    }
    let mut count = 0;
    for line in lines {
        figures.add(&line)?;
        count += 1;
    }
    if count == 0 { fail(format!("{name} reported no figure")) } else { Ok(()) }
}
