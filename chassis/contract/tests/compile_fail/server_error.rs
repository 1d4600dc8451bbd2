//! Must not compile: a domain error with a 5xx status.

use offshoot_contract::{CallFailure, ContractError};

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ThingsError {
    #[error("broken")]
    #[problem(status = 500, code = "broken")]
    Broken,
    #[error(transparent)]
    Call(#[from] CallFailure),
}

fn main() {}
