//! Shows the progress of an import on stderr; stdout is for the report.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Pause between progress lines: short enough to show life, long enough for a log.
const BETWEEN_LINES: Duration = Duration::from_secs(3);

/// Progress of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Lines or items up to here are acknowledged.
    pub line: u64,
    /// Bytes read of the source.
    pub bytes: u64,
    /// Total bytes of the source.
    pub bytes_total: u64,
}

/// Receives the progress of an import.
pub trait Progress: Send {
    /// A batch was acknowledged.
    fn reached(&mut self, reached: Reached);
    /// A message for people.
    fn note(&mut self, message: &str);
}

/// Ignores progress.
#[derive(Debug)]
pub struct Silent;

impl Progress for Silent {
    fn reached(&mut self, _: Reached) {}
    fn note(&mut self, _: &str) {}
}

/// A progress bar if stderr is a terminal, else a line every few seconds.
#[must_use]
pub fn for_stderr() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() {
        Box::new(Bar::new())
    } else {
        Box::new(Lines::new())
    }
}

struct Bar {
    bar: ProgressBar,
    start: Instant,
}

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}");
        let bar = ProgressBar::new(0);
        Self {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            start: Instant::now(),
        }
    }
}

impl Progress for Bar {
    fn reached(&mut self, reached: Reached) {
        self.bar.set_length(reached.bytes_total);
        self.bar.set_position(reached.bytes);
        self.bar.set_message(lines_and_rate(reached.line, self.start));
    }

    fn note(&mut self, message: &str) {
        self.bar.println(message);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Lines {
    start: Instant,
    last: Instant,
}

impl Lines {
    fn new() -> Self {
        let now = Instant::now();
        Self { start: now, last: now }
    }
}

impl Progress for Lines {
    fn reached(&mut self, reached: Reached) {
        if self.last.elapsed() >= BETWEEN_LINES {
            self.last = Instant::now();
            eprintln!("{}", lines_and_rate(reached.line, self.start));
        }
    }

    fn note(&mut self, message: &str) {
        eprintln!("{message}");
    }
}

fn lines_and_rate(lines: u64, start: Instant) -> String {
    let millis = start.elapsed().as_millis().max(1);
    format!("{lines} lines, {} lines/s", u128::from(lines) * 1_000 / millis)
}
