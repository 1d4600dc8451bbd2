//! All tests across modules, in one binary: rules over the sources, user journeys, crash tests.

// Rules over the sources.
mod architecture;
mod sources;
mod tidy;
// The running store.
#[macro_use]
mod journeys;
// The store while processes are killed.
mod crash;
