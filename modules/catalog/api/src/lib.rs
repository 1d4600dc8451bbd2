//! Contract of the catalog module. Other modules may depend on this crate only.
//!
//! Must not know the database or the transport.

pub mod v1;

use offshoot_contract::{Entity, Id};

/// Marks ids of products. All major versions of the contract share the id type, and nothing else.
#[derive(Debug)]
pub struct ProductEntity;

impl Entity for ProductEntity {
    const PREFIX: &'static str = "product";
}

/// Product id: `product_` followed by 26 characters.
pub type ProductId = Id<ProductEntity>;
