//! Children: each leads a process group of its own, so that stopping it stops everything it started.
//!
//! A terminal sends Ctrl-C to its foreground group. Children are in others, so only this tool hears it and the order of
//! stopping is ours: a killed wrangler leaves workerd serving as an orphan, a terminated one takes it along.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::error::{Context, Result, fail};
use crate::{paths, signals};

/// How long a child may take to end by itself after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(6);
/// How often a waiting loop looks again.
pub(crate) const TICK: Duration = Duration::from_millis(40);
/// Lines of a log that a failure shows.
const SHOWN_LINES: usize = 40;

/// Where a child's output goes.
pub(crate) enum Output<'a> {
    /// To our own terminal.
    Terminal,
    /// Both streams to this file, which is emptied first.
    Log(&'a Path),
    /// Standard output to the caller (`take_stdout`), standard error to this file, or to the terminal.
    Piped(Option<&'a Path>),
}

/// A running child and all that it starts. Dropping it stops it.
pub(crate) struct Process {
    name: String,
    log: Option<PathBuf>,
    child: Child,
}

impl Process {
    /// Starts `command` without standard input.
    pub(crate) fn start(name: &str, command: &mut Command, output: Output<'_>) -> Result<Self> {
        let log = match output {
            Output::Log(path) | Output::Piped(Some(path)) => Some(path.to_owned()),
            Output::Terminal | Output::Piped(None) => None,
        };
        let (stdout, stderr) = match output {
            Output::Terminal => (Stdio::inherit(), Stdio::inherit()),
            Output::Log(path) => {
                let file = create_log(path)?;
                (file.try_clone().context(|| format!("opening {}", path.display()))?.into(), file.into())
            }
            Output::Piped(None) => (Stdio::piped(), Stdio::inherit()),
            Output::Piped(Some(path)) => (Stdio::piped(), create_log(path)?.into()),
        };
        set_own_group(command);
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .context(|| format!("starting {name} ({})", command.get_program().display()))?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// A failure with the end of the child's log and where the rest of it is.
    pub(crate) fn failure<T>(&self, what: &str) -> Result<T> {
        let Self { name, log, .. } = self;
        match log {
            Some(log) => fail(format!(
                "{}\n\n{name} {what}; all of its log: {}",
                tail(log, SHOWN_LINES),
                paths::shown(log)
            )),
            None => fail(format!("{name} {what}")),
        }
    }

    /// The child's standard output, once, if it was started with `Output::Piped`.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// How it ended, if it has.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        let name = &self.name;
        self.child.try_wait().context(|| format!("waiting for {name}"))
    }

    /// Waits for the end, or until `check` says that waiting is of no more use: then the child and everything that it
    /// started is stopped.
    ///
    /// # Errors
    /// Those of `check`.
    pub(crate) fn wait(&mut self, check: impl Fn() -> Result<()>) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            check()?;
            sleep(TICK);
        }
    }

    /// Whether something that the child started is still running after the child has ended. What was told to end just before
    /// the child did gets a moment to do so.
    pub(crate) fn left_something_behind(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_))) && !self.group_ends_before(Instant::now() + GRACE / 3)
    }

    /// Ends the child, then what is left of its group; kills what has not ended after the grace time.
    ///
    /// # Errors
    /// When something is running even after that.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let leader = self.child.id();
        let deadline = Instant::now() + GRACE;
        if matches!(self.child.try_wait(), Ok(None)) {
            signals::terminate(leader);
            while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
                sleep(TICK);
            }
        }
        if !signals::group_exists(leader) {
            return Ok(());
        }
        signals::terminate_group(leader);
        if self.group_ends_before(deadline.max(Instant::now() + GRACE / 6)) {
            return Ok(());
        }
        signals::kill_group(leader);
        if self.group_ends_before(Instant::now() + GRACE / 3) {
            return Ok(());
        }
        fail(format!("{} is still running (process group {leader})", self.name))
    }

    fn group_ends_before(&mut self, deadline: Instant) -> bool {
        loop {
            // Collecting the leader: until then it counts as a member of its group.
            let collected = !matches!(self.child.try_wait(), Ok(None));
            if collected && !signals::group_exists(self.child.id()) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(TICK);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell; `stop` is called by hand where its answer matters.
        let _ = self.stop();
    }
}

fn set_own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

fn create_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).context(|| format!("creating {}", folder.display()))?;
    }
    // Appending: two streams of one child may write to it.
    let file = File::options().create(true).append(true).open(path);
    let file = file.context(|| format!("opening {}", path.display()))?;
    file.set_len(0).context(|| format!("emptying {}", path.display()))?;
    Ok(file)
}

/// Hands over a child's standard output line by line, on a thread that ends with the child.
pub(crate) fn each_line(
    stdout: ChildStdout,
    mut take: impl FnMut(String) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(|line| line.ok()) {
            take(String::from_utf8_lossy(&line).into_owned());
        }
    })
}

/// The last lines of a log, for a failure message. Empty when there is none.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
