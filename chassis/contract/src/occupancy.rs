//! Number of tasks that are at one place at this moment, such as in a queue. Read by metrics.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Counts the tasks at one place.
#[derive(Debug, Default)]
pub struct Occupancy(AtomicU32);

/// A task at the place. Drop counts the task out, also when the task is cancelled.
#[derive(Debug)]
pub struct Occupant<'a>(&'a Occupancy);

impl Occupancy {
    /// Counts a task in, until the occupant is dropped.
    pub fn enter(&self) -> Occupant<'_> {
        self.0.fetch_add(1, Relaxed);
        Occupant(self)
    }

    /// Number of tasks that are there now.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Drop for Occupant<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_occupant_is_counted_out() {
        let place = Occupancy::default();
        let first = place.enter();
        let second = place.enter();
        assert_eq!(place.count(), 2);
        drop((first, second));
        assert_eq!(place.count(), 0);
    }
}
