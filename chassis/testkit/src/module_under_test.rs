//! Interface of a module's contract tests: the module under test, and the arguments of a test body.

use std::pin::Pin;
use std::sync::Arc;

use offshoot_contract::{CallContext, Clock, Contract, ManualClock};
use offshoot_db::{Db, ModuleSchema};

use crate::combination::{Combination, ModuleAccess};
use crate::database::ClonedDatabase;

/// A module with a contract to be tested in every combination.
pub trait ModuleUnderTest: Sized + Send + Sync + 'static {
    /// Contract of the module.
    type Api: Contract + ?Sized;
    /// Fakes of the called modules, which test bodies control; `()` if the module calls no other module.
    type Fakes: Send + Sync + 'static;
    /// Schema of the module's data.
    const SCHEMA: &'static ModuleSchema;
    /// Folder of the package, `env!("CARGO_MANIFEST_DIR")`. The tests must execute every `sql!` below its `src`.
    const SOURCES: &'static str;

    /// Builds the implementation on an empty database.
    fn build(db: Db, clock: Arc<dyn Clock>) -> (Arc<Self::Api>, Self::Fakes);
}

/// Argument of a test body: the module on an empty database of this test.
pub struct Test<M: ModuleUnderTest> {
    /// The module. Every successful call with an effect is repeated, and the repeat must not change the data.
    pub api: Arc<M::Api>,
    /// The same module without repeats, for concurrent calls.
    pub once: Arc<M::Api>,
    /// Database of the module.
    pub db: Db,
    /// Clock of the module, initially at 2026-01-01T00:00:00Z.
    pub clock: Arc<ManualClock>,
    /// Fakes of the modules that the module calls.
    pub fakes: M::Fakes,
    /// Combination of this run.
    pub combination: Combination,
    pub(crate) _access: ModuleAccess<M::Api>,
    pub(crate) _database: ClonedDatabase,
}

impl<M: ModuleUnderTest> Test<M> {
    /// A new call context. The module admits every caller.
    #[must_use]
    pub fn cx(&self) -> CallContext {
        CallContext::root("test")
    }
}

/// A named test body.
pub struct Body<M: ModuleUnderTest> {
    /// Name in the test output.
    pub name: &'static str,
    /// The test function.
    pub run: fn(Test<M>) -> BodyFuture,
}

/// Future of a test body.
pub type BodyFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Lists test bodies by path: `bodies![adding::returns_an_id, browsing::ends]`.
#[macro_export]
macro_rules! bodies {
    ($($body:path),* $(,)?) => {
        vec![$($crate::Body { name: stringify!($body), run: |test| Box::pin($body(test)) }),*]
    };
}
