//! Coverage of `sql!` statements: lets a test prove that every statement was executed and decoded on both engines.
//!
//! Disabled in production, where the check costs one relaxed load per statement.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::statement::{Engine, Sql};

static ENABLED: AtomicBool = AtomicBool::new(false);
static EXECUTED: Mutex<BTreeSet<Executed>> = Mutex::new(BTreeSet::new());

/// A statement that was executed without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Executed {
    /// The source file, as passed to the compiler.
    pub file: &'static str,
    /// The line of `sql!`.
    pub line: u32,
    /// The engine that executed the statement.
    pub engine: Engine,
    /// At least one row was decoded, or the statement returns no rows at all.
    pub decoded: bool,
}

/// Starts recording.
pub fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// Statements executed since [`enable`].
#[must_use]
pub fn executed() -> Vec<Executed> {
    locked().iter().copied().collect()
}

pub(crate) fn record(sql: Sql, engine: Engine, decoded: bool) {
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
    // A panic elsewhere cannot leave the set half changed, so a poisoned lock is safe to use.
    EXECUTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
