//! Which statements have run: lets a test prove that every `sql!` was executed and decoded on both engines.
//!
//! Off in production, where it costs one relaxed load per statement.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Engine, Sql};

static ENABLED: AtomicBool = AtomicBool::new(false);
static EXECUTED: Mutex<BTreeSet<Executed>> = Mutex::new(BTreeSet::new());

/// A statement that ran without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Executed {
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// The line of `sql!`.
    pub line: u32,
    /// Where it ran.
    pub engine: Engine,
    /// Nothing about it is left unproven: at least one row was decoded, or it answers none.
    pub decoded: bool,
}

/// Starts remembering.
pub fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// Everything that ran since [`enable`].
#[must_use]
pub fn executed() -> Vec<Executed> {
    locked().iter().copied().collect()
}

pub(crate) fn remember(sql: Sql, engine: Engine, decoded: bool) {
    if ENABLED.load(Ordering::Relaxed) {
        locked().insert(Executed {
            file: sql.file(),
            line: sql.line(),
            engine,
            decoded,
        });
    }
}

fn locked() -> std::sync::MutexGuard<'static, BTreeSet<Executed>> {
    // A panic elsewhere cannot leave a set half changed.
    EXECUTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
