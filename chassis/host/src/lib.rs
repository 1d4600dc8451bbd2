//! Hosts modules in one process: opens their data, puts each behind a switch, and runs their jobs and subscriptions.
//!
//! The crate of a module has a constant of type [`Module`] and a function `start` that takes a [`ModuleRuntime`]. Knows
//! contracts in general, no particular module, and no configuration file.

// A module as the application declares it, as it describes itself, and as it starts.
mod declaration;
mod module;
mod runtime;
mod settings;
// The process that hosts modules.
mod event_sources;
mod host;
mod hosted;
mod module_data;
mod module_switch;
mod options;
mod routed_switch;
pub mod store_ids;
mod trial_clients;

pub use crate::declaration::{Declaration, check_declarations};
pub use crate::host::Host;
pub use crate::hosted::HostedModule;
pub use crate::module::{Module, Saga};
pub use crate::module_data::ModuleData;
pub use crate::module_switch::{Evidence, PlacementControl, PlacementError, TargetCheck, TargetFault};
pub use crate::options::{HostOptions, ModuleOptions, ModulePlacement};
pub use crate::runtime::{Job, ModuleRuntime};
pub use crate::settings::{InvalidSetting, deserialize_duration, parse_duration};
