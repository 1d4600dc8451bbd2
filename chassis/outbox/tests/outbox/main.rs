//! Events on real databases of both engines: announced in one module's data, handled in another one's.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

// Two modules, what one announces and what the other does with it.
mod rig;
// What a subscription guarantees,
mod delivering;
mod failing;
mod holding;
mod sharing;
// a copy of another module's data,
mod copying;
// the log on Postgres, and what would go wrong without it,
mod traps;
// how long it lasts,
mod removing;
// how far behind a reader may be,
mod backlog;
// and the log in another process.
mod over_http;
