//! Must not compile: an error field named like a member of every problem.

use offshoot_contract::{CallFailure, ContractError};

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ThingsError {
    #[error("{detail}")]
    #[problem(status = 404, code = "unknown-thing")]
    Unknown { detail: String },
    #[error(transparent)]
    Call(#[from] CallFailure),
}

fn main() {}
