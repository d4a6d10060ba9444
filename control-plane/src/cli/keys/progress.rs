use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Drawing more often than this only makes the terminal the slowest part.
const REDRAW: Duration = Duration::from_millis(100);
const BAR: u64 = 30;

/// What was read so far. It runs ahead of what is done by as much as is on its way.
#[derive(Default)]
struct Read {
    bytes: AtomicU64,
    lines: AtomicU64,
}

/// A line on standard error that says how far the work is; nothing unless that is a terminal.
pub(super) struct Progress {
    shown: bool,
    read: Arc<Read>,
    total: Option<u64>,
    drawn_at: Option<Instant>,
}

impl Progress {
    /// `total` bytes are to be read, if that is known.
    pub(super) fn new(total: Option<u64>) -> Self {
        Self { shown: std::io::stderr().is_terminal(), read: Arc::default(), total, drawn_at: None }
    }

    /// Hears each piece that is read.
    pub(super) fn counter(&self) -> impl Fn(&[u8]) + Send + 'static {
        let read = Arc::clone(&self.read);
        move |piece| {
            let lines = piece.iter().filter(|byte| **byte == b'\n').count();
            read.lines.fetch_add(lines as u64, Ordering::Relaxed);
            read.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
    }

    /// Draws the line anew, if it is time to.
    pub(super) fn draw(&mut self, lines: u64, errors: u64) {
        if !self.shown || self.drawn_at.is_some_and(|at| at.elapsed() < REDRAW) {
            return;
        }
        self.drawn_at = Some(Instant::now());
        let bar = match self.total.filter(|total| *total > 0) {
            Some(total) => bar(self.read.done(lines).min(total), total),
            None => String::new(),
        };
        let _ = write!(std::io::stderr(), "\r\x1b[K{bar}{lines} lines, {errors} errors");
    }

    /// Takes the line away, so that other text can stand there.
    pub(super) fn clear(&mut self) {
        if self.shown && self.drawn_at.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Read {
    /// The bytes that this many lines have had, by the lines read so far.
    fn done(&self, lines: u64) -> u64 {
        let (bytes, read) = (self.bytes.load(Ordering::Relaxed), self.lines.load(Ordering::Relaxed));
        let share = u128::from(bytes) * u128::from(lines) / u128::from(read.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

fn bar(done: u64, total: u64) -> String {
    let share = |of: u64| u64::try_from(u128::from(done) * u128::from(of) / u128::from(total)).unwrap_or(of);
    let full = usize::try_from(share(BAR)).unwrap_or(0);
    format!("[{}{}] {:>3} %  ", "#".repeat(full), "-".repeat(BAR as usize - full), share(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_read_is_not_counted_as_done() {
        let progress = Progress::new(Some(100));
        progress.counter()(b"12345678\n12345678\n12345678\n12345678\n");
        assert_eq!([0, 1, 4].map(|lines| progress.read.done(lines)), [0, 9, 36]);
    }

    #[test]
    fn the_bar_fills_from_left_to_right() {
        assert_eq!(bar(0, 10), format!("[{}]   0 %  ", "-".repeat(30)));
        assert_eq!(bar(5, 10), format!("[{}{}]  50 %  ", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar(u64::MAX, u64::MAX), format!("[{}] 100 %  ", "#".repeat(30)));
    }
}
