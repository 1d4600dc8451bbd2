//! What a module says of itself to be tested, and what a body gets.

use std::pin::Pin;
use std::sync::Arc;

use offshoot_contract::{CallContext, Clock, Contract, ManualClock};
use offshoot_db::{Db, ModuleSchema};

use crate::Combination;
use crate::combination::Reached;
use crate::database::TestDatabase;

/// A module whose contract is tested in every combination.
pub trait ModuleUnderTest: Sized + Send + Sync + 'static {
    /// Its contract.
    type Api: Contract + ?Sized;
    /// What stands in for the modules it calls, for bodies to steer; `()` if it calls none.
    type World: Send + Sync + 'static;
    /// Its data.
    const SCHEMA: &'static ModuleSchema;
    /// The package's folder, `env!("CARGO_MANIFEST_DIR")`: every `sql!` in it has to run.
    const SOURCES: &'static str;

    /// The implementation on an empty database.
    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<Self::Api>, Self::World);
}

/// What a body gets: a module on an empty database of its own.
pub struct Test<M: ModuleUnderTest> {
    /// The module. Every successful call that has an effect is made twice, and must leave the data as the first did.
    pub api: Arc<M::Api>,
    /// The same module, each call made once: for calls that run concurrently.
    pub once: Arc<M::Api>,
    /// Its database.
    pub db: Db,
    /// Its clock, which stands at 2026-01-01T00:00:00Z until it is moved.
    pub clock: Arc<ManualClock>,
    /// What stands in for the modules it calls.
    pub world: M::World,
    /// How the body reaches the module.
    pub combination: Combination,
    pub(crate) _reached: Reached<M::Api>,
    pub(crate) _database: TestDatabase,
}

impl<M: ModuleUnderTest> Test<M> {
    /// A fresh context, of one who may call the module.
    #[must_use]
    pub fn cx(&self) -> CallContext {
        CallContext::root(<M::Api as Contract>::CALLERS.first().copied().unwrap_or("test"))
    }
}

/// A body with its name.
pub struct Body<M: ModuleUnderTest> {
    /// As the run shows it.
    pub name: &'static str,
    /// What runs.
    pub run: fn(Test<M>) -> Running,
}

/// A body under way.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The bodies by path: `bodies![adding::gives_an_id, browsing::ends]`.
#[macro_export]
macro_rules! bodies {
    ($($body:path),* $(,)?) => {
        vec![$($crate::Body { name: stringify!($body), run: |test| Box::pin($body(test)) }),*]
    };
}
