//! Readability rules over sources and documents. Each rule has a twin test with a planted violation.

// Rules for sources.
mod files;
mod functions;
mod manifests;
// Rules for documents.
mod documents;
mod limits;
mod readme;
// One place explains each setting, metric and command.
mod commands;
mod entries;
mod metrics;
mod settings;
