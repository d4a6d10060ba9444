//! What is going on, on standard error: a moving line on a terminal, plain lines elsewhere. Each step's own output goes
//! to a log, whose end is shown when the step fails.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, fail};
use crate::processes::{Output, Process, tail};
use crate::{paths, signals};

/// How often the moving line is redrawn.
const FRAME: Duration = Duration::from_millis(120);
/// Where lines cannot move, a step is named once it has taken this long …
const WORTH_NAMING: Duration = Duration::from_secs(2);
/// … and from then on says this often that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// Columns that the moving line may use.
const WIDTH: usize = 100;

/// The steps that are running, and the thread that shows them.
pub(crate) struct Progress {
    shared: Arc<Shared>,
    painter: Option<JoinHandle<()>>,
}

struct Shared {
    running: Mutex<Vec<Running>>,
    terminal: bool,
    closed: AtomicBool,
    one_failed: AtomicBool,
}

struct Running {
    name: String,
    log: PathBuf,
    since: Instant,
    next_word: Instant,
}

/// One step. Dropping it without `done` reports it as failed.
pub(crate) struct Step {
    name: String,
    since: Instant,
    shared: Arc<Shared>,
    finished: bool,
}

/// Work that may run beside other work.
pub(crate) type Job<'a> = Box<dyn FnOnce() -> Result<()> + Send + 'a>;

impl Progress {
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared {
            running: Mutex::default(),
            terminal: std::io::stderr().is_terminal(),
            closed: AtomicBool::new(false),
            one_failed: AtomicBool::new(false),
        });
        let painted = Arc::clone(&shared);
        let painter = thread::spawn(move || paint(&painted));
        Self { shared, painter: Some(painter) }
    }

    /// Begins a step. `name` is also its log's.
    pub(crate) fn step(&self, name: &str) -> Step {
        let since = Instant::now();
        let running = Running {
            name: name.to_owned(),
            log: paths::step_log(&file_name(name)),
            since,
            next_word: since + WORTH_NAMING,
        };
        self.shared.running().push(running);
        Step { name: name.to_owned(), since, shared: Arc::clone(&self.shared), finished: false }
    }

    /// Runs jobs side by side. When one fails, the others are stopped at their next wait, and its error is the answer.
    pub(crate) fn together(&self, jobs: Vec<Job<'_>>) -> Result<()> {
        let ends: Vec<Result<()>> = thread::scope(|scope| {
            let threads: Vec<_> = jobs
                .into_iter()
                .map(|job| {
                    scope.spawn(move || {
                        let end = job();
                        if end.is_err() {
                            self.shared.one_failed.store(true, Ordering::Relaxed);
                        }
                        end
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| fail("a job panicked")))
                .collect()
        });
        let mut interrupted = false;
        for end in ends {
            match end {
                Ok(()) => {}
                Err(Error::Interrupted) => interrupted = true,
                failed => return failed,
            }
        }
        if interrupted { Err(Error::Interrupted) } else { Ok(()) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        if let Some(painter) = self.painter.take() {
            // The painter only prints; that it panicked is no reason to fail.
            let _ = painter.join();
        }
    }
}

impl Step {
    /// Runs a command to its end with its output in this step's log.
    ///
    /// # Errors
    /// With the end of the log and `advice`, when the command fails. `Interrupted` after a signal, or when a job beside
    /// this one failed.
    pub(crate) fn run(&self, command: &mut Command, advice: &str) -> Result<()> {
        let log = paths::step_log(&file_name(&self.name));
        let mut process = Process::start(&self.name, command, Output::Log(&log))?;
        let status = process.wait(|| self.check())?;
        if status.success() {
            return Ok(());
        }
        let advice = if advice.is_empty() { String::new() } else { format!("\n{advice}") };
        process.failure(&format!("failed ({status}){advice}"))
    }

    /// For loops that wait: an error once waiting is of no more use.
    pub(crate) fn check(&self) -> Result<()> {
        if self.shared.one_failed.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        signals::check()
    }

    pub(crate) fn done(mut self) {
        self.finish("✓", "");
    }

    /// There was nothing to do.
    pub(crate) fn already_done(mut self) {
        self.finish("✓", " (nothing to do)");
    }

    fn finish(&mut self, mark: &str, note: &str) {
        self.finished = true;
        let mut running = self.shared.running();
        running.retain(|step| step.name != self.name);
        self.shared.say(&format!(
            "  {mark} {:<34} {:>6.1} s{note}",
            self.name,
            self.since.elapsed().as_secs_f64()
        ));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            self.finish("✗", "");
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        // The list is whole after every change, so a panic elsewhere leaves nothing half-done in it.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, line: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        eprintln!("{clear}{line}");
    }
}

fn paint(shared: &Shared) {
    let mut frame = 0;
    while !shared.closed.load(Ordering::Relaxed) {
        thread::sleep(FRAME);
        frame += 1;
        let mut running = shared.running();
        if running.is_empty() {
            continue;
        }
        if shared.terminal {
            paint_line(&running, frame);
            continue;
        }
        for step in running.iter_mut().filter(|step| Instant::now() >= step.next_word) {
            step.next_word += SIGN_OF_LIFE;
            eprintln!(
                "  … {} {} s  {}",
                step.name,
                step.since.elapsed().as_secs(),
                tail(&step.log, 1).trim()
            );
        }
    }
}

fn paint_line(running: &[Running], frame: usize) {
    const SPINNER: [char; 8] = ['⣾', '⣽', '⣻', '⢿', '⡿', '⣟', '⣯', '⣷'];
    let mut line = format!("  {} ", SPINNER[frame % SPINNER.len()]);
    for (index, step) in running.iter().enumerate() {
        let separator = if index == 0 { "" } else { " · " };
        line += &format!("{separator}{} {} s", step.name, step.since.elapsed().as_secs());
    }
    if let Some(newest) = running.last() {
        line += &format!("  {}", tail(&newest.log, 1).trim());
    }
    let line: String = line.chars().filter(|character| !character.is_control()).take(WIDTH).collect();
    eprint!("\r\x1b[K{line}");
    // A line that cannot be shown is no reason to stop.
    let _ = std::io::stderr().flush();
}

fn file_name(step: &str) -> String {
    step.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect()
}
