use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Drawing more often than this only makes the terminal the slowest part.
const REDRAW: Duration = Duration::from_millis(100);
const BAR: u64 = 30;

/// A line on standard error that says how far the work is; nothing unless that is a terminal.
pub(super) struct Progress {
    shown: bool,
    read: Arc<AtomicU64>,
    total: Option<u64>,
    drawn_at: Option<Instant>,
}

impl Progress {
    /// `total` bytes are to be read, if that is known.
    pub(super) fn new(total: Option<u64>) -> Self {
        Self { shown: std::io::stderr().is_terminal(), read: Arc::default(), total, drawn_at: None }
    }

    /// Hears how many bytes were read.
    pub(super) fn counter(&self) -> impl Fn(usize) + Send + 'static {
        let read = Arc::clone(&self.read);
        move |bytes| {
            read.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Draws the line anew, if it is time to.
    pub(super) fn draw(&mut self, lines: u64, errors: u64) {
        if !self.shown || self.drawn_at.is_some_and(|at| at.elapsed() < REDRAW) {
            return;
        }
        self.drawn_at = Some(Instant::now());
        let bar = match self.total.filter(|total| *total > 0) {
            Some(total) => bar(self.read.load(Ordering::Relaxed).min(total), total),
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

fn bar(done: u64, total: u64) -> String {
    let share = |of: u64| u64::try_from(u128::from(done) * u128::from(of) / u128::from(total)).unwrap_or(of);
    let full = usize::try_from(share(BAR)).unwrap_or(0);
    format!("[{}{}] {:>3} %  ", "#".repeat(full), "-".repeat(BAR as usize - full), share(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_from_left_to_right() {
        assert_eq!(bar(0, 10), format!("[{}]   0 %  ", "-".repeat(30)));
        assert_eq!(bar(5, 10), format!("[{}{}]  50 %  ", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar(u64::MAX, u64::MAX), format!("[{}] 100 %  ", "#".repeat(30)));
    }
}
