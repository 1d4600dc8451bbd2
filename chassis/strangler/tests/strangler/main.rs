//! Tests of the migration's decisions.

// Builders shared by the tests.
mod world;
// One rule each.
mod advancing;
mod comparing;
mod control;
mod gates;
mod going_back;
mod plans;
mod statistics;
mod texts;
// All sequences of a small world.
mod model;
