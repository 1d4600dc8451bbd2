//! The contracts that a process can call, found by their trait: for code that composes many modules, such as a public
//! API. A value that the application passes on, not a global registry.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use crate::method::Contract;

/// Contracts by trait: `contracts.get::<dyn ReadingsApi>()`.
#[derive(Clone, Default)]
pub struct Contracts(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Contracts {
    /// Adds a contract, in place of one added before.
    pub fn insert<A: Contract + ?Sized>(&mut self, api: Arc<A>) {
        self.0.insert(TypeId::of::<A>(), Arc::new(api));
    }

    /// The contract, unless its module is off in this process.
    #[must_use]
    pub fn get<A: Contract + ?Sized>(&self) -> Option<&Arc<A>> {
        self.0.get(&TypeId::of::<A>())?.downcast_ref()
    }
}
