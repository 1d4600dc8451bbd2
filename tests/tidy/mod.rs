//! What keeps the project readable, as rules over the sources. Each rule has a twin that shows that it can fail.

// What every file keeps to.
mod files;
mod functions;
mod manifests;
// What the documents say.
mod documents;
mod readme;
