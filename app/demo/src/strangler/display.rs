//! The live display: lines that stay, and below them one line that changes. On stderr: stdout is for the report.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::Duration;

use offshoot_import::{Progress, Reached};
use tokio::time::Instant;

/// Pause between two figures where a line cannot change, such as in a log.
const BETWEEN_LINES: Duration = Duration::from_secs(3);
/// Control sequences: to the start of the emptied line, and lines that end at the edge instead of continuing below.
const EMPTY_LINE: &str = "\r\x1b[2K";
const CUT_LINES: &str = "\x1b[?7l";
const WRAP_LINES: &str = "\x1b[?7h";

/// The display of one demonstration.
pub(super) struct Display {
    is_terminal: bool,
    last: Instant,
}

impl Display {
    pub(super) fn for_stderr() -> Self {
        Self {
            is_terminal: stderr().is_terminal(),
            last: Instant::now(),
        }
    }

    /// Shows the figures of this moment in place of the ones before.
    pub(super) fn figures(&mut self, figures: &str) {
        if self.is_terminal {
            eprint!("{EMPTY_LINE}{CUT_LINES}{figures}{WRAP_LINES}");
            // A display that cannot be flushed has nobody who looks.
            let _ = stderr().flush();
        } else if self.last.elapsed() >= BETWEEN_LINES {
            self.last = Instant::now();
            eprintln!("{figures}");
        }
    }
}

impl Progress for Display {
    fn reached(&mut self, _: Reached) {}

    fn note(&mut self, message: &str) {
        self.last = Instant::now();
        if self.is_terminal {
            eprint!("{EMPTY_LINE}");
        }
        eprintln!("{message}");
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if self.is_terminal {
            eprint!("{EMPTY_LINE}");
        }
    }
}
