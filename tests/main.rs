//! All tests across modules, in one binary: what holds of the sources, and what users do with the running store.

// What the sources keep to.
mod architecture;
mod sources;
mod tidy;
// What the store does.
#[macro_use]
mod journeys;
// What it does while its processes are killed.
mod crash;
