//! Events: what a module announces after the fact, in an enum per version of its contract. Written by
//! `#[derive(EventSet)]`. Knows no log and no subscriber.

use std::fmt;

use schemars::SchemaGenerator;

use crate::EventDescription;

/// What is fixed about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSpec {
    /// Stable, unique in the module: `level-read`.
    pub name: &'static str,
    /// Rises when what subscribers read can no longer be read by older ones. An addition raises nothing.
    pub version: u32,
    /// The field of the payload that says whose event it is.
    pub key: &'static str,
    /// Whether the payload is the whole state of the key: then the newest one of each key is kept for ever, and a copy can be
    /// made anew at any time. Others are removed when they are old.
    pub lasting: bool,
    /// The variant's documentation.
    pub doc: &'static str,
}

/// The events of a module. Those of one key are handled in the order in which they came about; between keys there is no
/// order.
///
/// ```
/// use offshoot_contract::EventSet;
///
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// /// The level of a river was read.
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
/// pub struct Reading {
///     /// Where.
///     pub station: String,
///     /// Millimetres.
///     pub level: i64,
/// }
///
/// /// What the readings announce.
/// #[derive(Debug, Clone, PartialEq, EventSet)]
/// #[events(module = "readings")]
/// pub enum ReadingsEvent {
///     /// A reading came in.
///     #[event(name = "level-read", version = 1, key = station)]
///     LevelRead(Reading),
/// }
/// let event = ReadingsEvent::LevelRead(Reading { station: "r7".to_owned(), level: 412 });
/// assert_eq!((event.key(), event.spec().name), ("r7".to_owned(), "level-read"));
/// ```
pub trait EventSet: Clone + fmt::Debug + Send + Sync + Sized + 'static {
    /// The module that announces them.
    const MODULE: &'static str;

    /// Each of them, in the order of the enum.
    const SPECS: &'static [EventSpec];

    /// What is fixed about this one.
    fn spec(&self) -> &'static EventSpec;

    /// Whose event it is, as the key looks in a path.
    fn key(&self) -> String;

    /// What it says, as JSON.
    fn payload(&self) -> Result<String, serde_json::Error>;

    /// The event of this name and version with this payload. Fields that are unknown here are ignored.
    fn read(name: &str, version: u32, payload: &str) -> Result<Self, UnreadableEvent>;

    /// As data; named schemas go into `generator`.
    fn descriptions(generator: &mut SchemaGenerator) -> Vec<EventDescription>;
}

/// Why an event cannot be read here.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    /// It was added after this binary was built.
    #[error("there is no event `{name}` in the contract that this binary knows: start a newer one")]
    UnknownName {
        /// As it was announced.
        name: String,
    },
    /// It has changed since.
    #[error("`{name}` came in version {version}, and this binary reads version {known}: start one that reads both")]
    UnknownVersion {
        /// The event.
        name: String,
        /// As it was announced.
        version: u32,
        /// What is known here.
        known: u32,
    },
    /// It is not what its contract says.
    #[error("the payload of `{name}` does not have the shape that its contract says: {cause}")]
    BadPayload {
        /// The event.
        name: String,
        /// What is wrong, and where.
        cause: serde_json::Error,
    },
}

/// The events of a module that announces none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEvents {}

impl EventSet for NoEvents {
    const MODULE: &'static str = "";
    const SPECS: &'static [EventSpec] = &[];

    fn spec(&self) -> &'static EventSpec {
        match *self {}
    }

    fn key(&self) -> String {
        match *self {}
    }

    fn payload(&self) -> Result<String, serde_json::Error> {
        match *self {}
    }

    fn read(name: &str, _: u32, _: &str) -> Result<Self, UnreadableEvent> {
        let name = name.to_owned();
        Err(UnreadableEvent::UnknownName { name })
    }

    fn descriptions(_: &mut SchemaGenerator) -> Vec<EventDescription> {
        Vec::new()
    }
}

/// Reads a payload for what the derive writes.
#[doc(hidden)]
pub fn read_payload<T: serde::de::DeserializeOwned>(name: &str, payload: &str) -> Result<T, UnreadableEvent> {
    serde_json::from_str(payload).map_err(|cause| UnreadableEvent::BadPayload {
        name: name.to_owned(),
        cause,
    })
}

/// What the derive answers for an event that none of its variants is.
#[doc(hidden)]
pub fn unknown<E: EventSet>(name: &str, version: u32) -> UnreadableEvent {
    let versions = E::SPECS.iter().filter(|spec| spec.name == name);
    match versions.map(|spec| spec.version).max() {
        Some(known) => UnreadableEvent::UnknownVersion {
            name: name.to_owned(),
            version,
            known,
        },
        None => UnreadableEvent::UnknownName { name: name.to_owned() },
    }
}

/// Fails the build if a contract announces the events of another module.
#[doc(hidden)]
pub const fn assert_events_of<E: EventSet>(module: &str) {
    let (ours, theirs) = (module.as_bytes(), E::MODULE.as_bytes());
    let mut same = ours.len() == theirs.len();
    let mut at = 0;
    while same && at < ours.len() {
        same = ours[at] == theirs[at];
        at += 1;
    }
    assert!(
        same,
        "these events say that they are another module's: #[events(module = \"..\")]"
    );
}
