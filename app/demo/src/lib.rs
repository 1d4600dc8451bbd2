//! `offshoot demo`: modules leave, die and return while buyers buy.
//!
//! Starts this binary as child processes on a temporary folder. Knows the command line, the public API and the admin
//! surface; opens no database.

// What every demonstration needs: processes, a store, buyers.
mod children;
mod scene;
// A module moves by one command, is killed, and returns.
mod split;
mod story;
// A module moves in small steps that are measured, and returns the same way.
mod strangler;

pub use self::scene::Modules;
pub use self::split::split;
pub use self::story::Story;
pub use self::strangler::{Pace, StranglerOptions, StranglerReport, strangler};
