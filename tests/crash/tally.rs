//! Counts of the faults injected into a store.

use std::fmt;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Fault counts. `Display` prints one line.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) killed: u32,
    /// Kills at a named point; included in `killed`.
    pub(super) at_points: u32,
    pub(super) cuts: u32,
    pub(super) rounds: u32,
    /// Events handed to subscribers.
    pub(super) events: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            killed,
            at_points,
            cuts,
            rounds,
            events,
            duplicated,
            reordered,
        } = self;
        write!(
            f,
            "{killed} kills, {at_points} of them at named points, and {cuts} cuts in {rounds} rounds; \
             of {events} events {duplicated} were duplicated and {reordered} reordered"
        )
    }
}

impl Tally {
    /// Adds the event fault counts that processes logged.
    pub(super) fn count_faults(&mut self, log: &str) {
        for line in log.lines() {
            let Some((_, counts)) = line.split_once("event faults: ") else {
                continue;
            };
            let numbers: Vec<u64> = counts.split(' ').filter_map(|word| word.parse().ok()).collect();
            // A line cut off by a kill is ignored.
            if let [events, duplicated, reordered] = numbers[..] {
                self.events += events;
                self.duplicated += duplicated;
                self.reordered += reordered;
            }
        }
    }

    /// Whether enough events were duplicated and reordered for a meaningful run.
    pub(super) fn has_enough_event_faults(&self) -> bool {
        self.duplicated * 100 >= self.events && self.reordered * 100 >= self.events
    }
}

/// Reads the common log of all processes incrementally.
pub(super) struct LogReader {
    path: PathBuf,
    read: u64,
}

impl LogReader {
    pub(super) fn new(folder: &Path) -> Self {
        let path = folder.join("process.log");
        Self { path, read: 0 }
    }

    /// The complete lines logged since the previous call.
    pub(super) fn read_new_lines(&mut self) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = std::fs::File::open(&self.path) {
            file.seek(SeekFrom::Start(self.read)).expect("the log is seekable");
            file.read_to_end(&mut bytes).expect("the log is readable");
        }
        // An incomplete last line is left for the next call.
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        bytes.truncate(complete);
        self.read += complete as u64;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
