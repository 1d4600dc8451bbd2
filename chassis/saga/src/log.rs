//! The log as rows. Takes a transaction or a read and decides nothing.

// One saga: written under its lease, found, taken over, handed over.
mod head;
mod lease;
// Its steps.
mod steps;

use offshoot_contract::CallFailure;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::lease::Standing;

pub(crate) use self::head::{Head, begin, is_only_asked_to_undo, write};
pub(crate) use self::lease::{due, find, hand_over, is_under_way, take_over, unknown};
pub(crate) use self::steps::{all_done, end_step, intend, note_failure, of_saga};

pub(crate) fn json(data: &impl Serialize) -> Result<String, CallFailure> {
    serde_json::to_string(data)
        .map_err(|error| CallFailure::internal("the data of a saga does not serialize").caused_by(error))
}

pub(crate) fn from_json<D: DeserializeOwned>(id: &str, data: &str) -> Result<D, CallFailure> {
    serde_json::from_str(data).map_err(|error| {
        CallFailure::internal(format!("the data of {id} is not what its definition keeps")).caused_by(error)
    })
}
