//! What keeps a module splittable, as rules over the sources. Each rule has a twin that shows that it can fail.

// Who may know whom.
mod chassis_words;
mod dependencies;
mod implementations;
// Whose data is whose.
mod checked;
mod migrations;
// What was promised to callers.
mod openapi;
mod released;
