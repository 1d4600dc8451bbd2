//! Tests of the migration's decisions, and of the processes that follow them.

// Builders shared by the tests.
mod calls;
mod fleet;
mod world;
// One rule each.
mod advancing;
mod comparing;
mod control;
mod gates;
mod going_back;
mod ignoring;
mod plans;
mod statistics;
mod texts;
// Processes that follow one control database.
mod following;
mod judging;
mod mirroring;
mod restarting;
// All sequences of a small world.
mod model;
