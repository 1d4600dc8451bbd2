//! What the table of modules in the wiring becomes: the modules as a process sees them, their schemas and contracts. Names
//! none.

/// Defines what the store is made of: for each module its contract, the feature under which a binary knows it and, if it
/// is compiled in, its schema.
macro_rules! modules {
    ($($module:ident, $api:ty, $stub:literal, $implementation:literal;)*) => {
        /// Every module of the store, as a process sees it. One that is off here is none.
        #[derive(Default)]
        #[expect(missing_docs, reason = "each contract says what it is")]
        pub struct Wired {
            $(#[cfg(feature = $stub)] pub $module: Option<Arc<$api>>,)*
            /// What was placed where, callees before callers.
            pub placed: Vec<Placed>,
            /// What the modules that run here do by themselves. Whoever serves starts them.
            pub jobs: Vec<Job>,
        }

        /// The data of every module that is part of this binary, those that are called before those that call them.
        #[must_use]
        pub fn schemas() -> Vec<&'static ModuleSchema> {
            vec![$(#[cfg(feature = $implementation)] &::$module::SCHEMA,)*]
        }

        /// The contract of every module that this binary runs or calls.
        #[must_use]
        pub fn descriptions() -> Vec<ContractDescription> {
            vec![$(#[cfg(feature = $stub)] describe::<$api>(),)*]
        }

        /// Who may call each of them.
        #[cfg(test)]
        pub(crate) fn callers() -> Vec<(&'static str, &'static [&'static str])> {
            vec![$(#[cfg(feature = $stub)] (
                <$api as offshoot_contract::Contract>::NAME,
                <$api as offshoot_contract::Contract>::CALLERS,
            ),)*]
        }
    };
}
