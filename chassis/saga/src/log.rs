//! SQL of the saga log. Takes a transaction or a read, and decides nothing.

// One saga: found, taken over and handed over; updated by the holder of the lease.
pub(crate) mod lease;
pub(crate) mod update;
// The steps of a saga.
pub(crate) mod steps;
// The open sagas of a module.
pub(crate) mod open;

use offshoot_contract::CallFailure;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) fn to_json(data: &impl Serialize) -> Result<String, CallFailure> {
    serde_json::to_string(data)
        .map_err(|error| CallFailure::internal("the state of the saga cannot be serialized as JSON").caused_by(error))
}

pub(crate) fn from_json<D: DeserializeOwned>(id: &str, data: &str) -> Result<D, CallFailure> {
    serde_json::from_str(data).map_err(|error| {
        CallFailure::internal(format!(
            "the stored state of saga {id} does not match the definition in this binary"
        ))
        .caused_by(error)
    })
}
