//! Events that a module publishes, as one enum per version of the contract. `#[derive(EventSet)]` generates the
//! implementation. Must not know the event log or subscribers.

use std::fmt;

use schemars::{JsonSchema, SchemaGenerator};

use crate::description::EventDescription;
use crate::json;

/// Static properties of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSpec {
    /// Stable name, unique in the module: `level-read`.
    pub name: &'static str,
    /// Version of the payload. Rises with a change that older subscribers cannot read; additions do not raise the
    /// version.
    pub version: u32,
    /// Name of the payload field with the ordering key.
    pub key: &'static str,
    /// Whether the payload holds the whole state of the key. The log keeps the newest lasting event of each key for
    /// ever, so that projections can be rebuilt at any time. Other events are removed after the retention period.
    pub lasting: bool,
    /// Documentation of the variant.
    pub doc: &'static str,
}

impl EventDescription {
    /// Describes an event with payload `T`; named schemas go into `generator`.
    pub fn from_spec<T: JsonSchema>(spec: &EventSpec, generator: &mut SchemaGenerator) -> Self {
        Self {
            name: spec.name.to_owned(),
            version: spec.version,
            doc: spec.doc.to_owned(),
            key: spec.key.to_owned(),
            payload: generator.subschema_for::<T>().to_value(),
        }
    }
}

/// The events of a module. Events of one key are handled in order of publication. There is no order between keys.
///
/// ```
/// use offshoot_contract::EventSet;
///
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// /// The level of a river was read.
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
/// pub struct Reading {
///     /// Station of the reading.
///     pub station: String,
///     /// Millimetres.
///     pub level: i64,
/// }
///
/// /// Events of the readings module.
/// #[derive(Debug, Clone, PartialEq, EventSet)]
/// #[events(module = "readings")]
/// pub enum ReadingsEvent {
///     /// A station reported a level.
///     #[event(name = "level-read", version = 1, key = station)]
///     LevelRead(Reading),
/// }
/// let event = ReadingsEvent::LevelRead(Reading { station: "r7".to_owned(), level: 412 });
/// assert_eq!((event.key(), event.spec().name), ("r7".to_owned(), "level-read"));
/// ```
pub trait EventSet: Clone + fmt::Debug + Send + Sync + Sized + 'static {
    /// The publishing module.
    const MODULE: &'static str;

    /// Specifications in the order of the enum.
    const SPECS: &'static [EventSpec];

    /// Specification of this event.
    fn spec(&self) -> &'static EventSpec;

    /// The ordering key, in the form used in paths.
    fn key(&self) -> String;

    /// The payload as JSON.
    fn payload(&self) -> Result<String, serde_json::Error>;

    /// Decodes an event from name, version and payload. Unknown payload fields are ignored.
    fn decode(name: &str, version: u32, payload: &str) -> Result<Self, UnreadableEvent>;

    /// Descriptions of all events; named schemas go into `generator`.
    fn descriptions(generator: &mut SchemaGenerator) -> Vec<EventDescription>;
}

/// Error for an event that this binary cannot decode.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    /// The event was added to the contract after this binary was built.
    #[error("this binary does not know the event `{name}`: deploy a newer binary")]
    UnknownName {
        /// Name of the published event.
        name: String,
    },
    /// The payload version is not known to this binary.
    #[error("`{name}` has version {version}, but this binary reads version {known}: deploy a binary that reads both")]
    UnknownVersion {
        /// Name of the event.
        name: String,
        /// Published version.
        version: u32,
        /// Newest version known to this binary.
        known: u32,
    },
    /// The payload does not match the contract.
    #[error("the payload of `{name}` does not match the contract: {cause}")]
    BadPayload {
        /// Name of the event.
        name: String,
        /// Decoding error with the position in the payload.
        cause: serde_json::Error,
    },
}

/// The event set of a module without events.
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

    fn decode(name: &str, _: u32, _: &str) -> Result<Self, UnreadableEvent> {
        let name = name.to_owned();
        Err(UnreadableEvent::UnknownName { name })
    }

    fn descriptions(_: &mut SchemaGenerator) -> Vec<EventDescription> {
        Vec::new()
    }
}

/// Decodes a payload; called by derived code.
#[doc(hidden)]
pub fn decode_payload<T: serde::de::DeserializeOwned>(name: &str, payload: &str) -> Result<T, UnreadableEvent> {
    json::from_slice(payload.as_bytes()).map_err(|cause| UnreadableEvent::BadPayload {
        name: name.to_owned(),
        cause,
    })
}

/// The error for an event without a matching variant; called by derived code.
#[doc(hidden)]
pub fn unknown_event<E: EventSet>(name: &str, version: u32) -> UnreadableEvent {
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

/// Fails the build if a contract names the events of another module.
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
        "the event enum belongs to another module: fix #[events(module = \"..\")]"
    );
}
