//! The contract of the catalog: all that others may see of it.
//!
//! Knows no database and no transport.

pub mod v1;

use offshoot_contract::{Entity, Id};

/// A thing that the store sells. Only its ids are shared between versions of the contract.
#[derive(Debug)]
pub struct ProductEntity;

impl Entity for ProductEntity {
    const PREFIX: &'static str = "product";
}

/// `product_` and 26 characters.
pub type ProductId = Id<ProductEntity>;
