//! Must not compile: a method without a verb attribute.

#![allow(unused_imports)]

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, contract};

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ThingsError {
    #[error(transparent)]
    Call(#[from] CallFailure),
}

#[contract(name = "things", version = "1.0")]
#[async_trait]
pub trait ThingsApi: Send + Sync + 'static {
    async fn thing(&self, cx: &mut CallContext, id: u32) -> Result<u32, ThingsError>;
}

fn main() {}
