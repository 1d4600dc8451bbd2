//! What was done to a store.

use std::fmt;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Counts. Shown in one line.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) killed: u32,
    /// Of these, at a named point.
    pub(super) at_points: u32,
    pub(super) cuts: u32,
    pub(super) rounds: u32,
    /// Events that were handed to subscribers, and what was done to them.
    pub(super) events: u64,
    pub(super) again: u64,
    pub(super) out_of_order: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            killed,
            at_points,
            cuts,
            rounds,
            events,
            again,
            out_of_order,
        } = self;
        write!(
            f,
            "{killed} kills, {at_points} of them at named points, and {cuts} cuts in {rounds} rounds; \
             of {events} events {again} came again and {out_of_order} out of order"
        )
    }
}

impl Tally {
    /// Adds what processes said of the events.
    pub(super) fn count_faults(&mut self, log: &str) {
        for line in log.lines() {
            let Some((_, counts)) = line.split_once("event faults: ") else {
                continue;
            };
            let numbers: Vec<u64> = counts.split(' ').filter_map(|word| word.parse().ok()).collect();
            // A line that its writer did not live to end counts nothing.
            if let [events, again, out_of_order] = numbers[..] {
                self.events += events;
                self.again += again;
                self.out_of_order += out_of_order;
            }
        }
    }

    /// Enough was done to the events to prove anything.
    pub(super) fn is_enough(&self) -> bool {
        self.again * 100 >= self.events && self.out_of_order * 100 >= self.events
    }
}

/// What all processes log, read on from where it was.
pub(super) struct Log {
    path: PathBuf,
    read: u64,
}

impl Log {
    pub(super) fn of(folder: &Path) -> Self {
        let path = folder.join("process.log");
        Self { path, read: 0 }
    }

    /// What was logged since this was asked last.
    pub(super) fn news(&mut self) -> String {
        let mut news = Vec::new();
        if let Ok(mut file) = std::fs::File::open(&self.path) {
            file.seek(SeekFrom::Start(self.read))
                .expect("a log can be read anywhere");
            file.read_to_end(&mut news).expect("a log can be read");
        }
        // Up to the last whole line: the rest is read with its end.
        let whole = news.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        news.truncate(whole);
        self.read += whole as u64;
        String::from_utf8_lossy(&news).into_owned()
    }
}
