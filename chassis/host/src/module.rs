//! A module as the implementation describes it. The application's declaration of the module stands elsewhere.

use offshoot_db::ModuleSchema;
use offshoot_outbox::Subscription;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::settings::InvalidSetting;

/// An implementation's declaration: tables, subscriptions, sagas and settings.
///
/// A module's crate has one constant of this type, `MODULE`, beside a function `start`.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    /// The module's tables.
    pub schema: &'static ModuleSchema,
    /// The module's subscriptions to events of others.
    pub subscriptions: fn() -> Vec<Subscription>,
    /// The sagas that the module drives, with their versions.
    pub sagas: &'static [Saga],
    /// Checks the module's settings before anything starts; the error names the key.
    pub check_settings: fn(&Value) -> Result<(), InvalidSetting>,
}

/// A kind of saga in one version.
pub type Saga = (&'static str, u32);

impl Module {
    /// A module with data, but without subscriptions, sagas and settings.
    #[must_use]
    pub const fn new(schema: &'static ModuleSchema) -> Self {
        Self {
            schema,
            subscriptions: Vec::new,
            sagas: &[],
            check_settings: |_| Ok(()),
        }
    }

    /// Adds subscriptions to events of other modules.
    #[must_use]
    pub const fn with_subscriptions(self, subscriptions: fn() -> Vec<Subscription>) -> Self {
        Self { subscriptions, ..self }
    }

    /// Adds sagas.
    #[must_use]
    pub const fn with_sagas(self, sagas: &'static [Saga]) -> Self {
        Self { sagas, ..self }
    }

    /// Adds settings of type `S`, which [`ModuleRuntime::settings`](crate::ModuleRuntime::settings) reads.
    #[must_use]
    pub const fn with_settings<S: DeserializeOwned>(self) -> Self {
        Self {
            check_settings: |settings| crate::settings::read::<S>(settings).map(drop),
            ..self
        }
    }
}
