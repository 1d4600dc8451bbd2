//! A module in a process, with handles to serve, check, place and stop the module.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use offshoot_db::Db;
use offshoot_strangler::RoutedModule;

use crate::module_data::ModuleData;
use crate::module_switch::PlacementControl;

/// A module that this process executes, or calls in another process.
pub struct HostedModule {
    /// The module's name.
    pub name: &'static str,
    /// Location of the data or addresses of the module, for log lines and command output.
    pub location: String,
    /// The module's data, if the module runs here.
    pub db: Option<Db>,
    /// Control over the placement of calls.
    pub control: Arc<dyn PlacementControl>,
    /// The module as a plan routes its calls.
    pub routed: Arc<dyn RoutedModule>,
    /// The module's data, if the module runs here.
    pub data: Option<ModuleData>,
    /// Routes of the module's contract, if the module runs here.
    pub routes: Option<Router>,
    /// Begins the shutdown: ends long polls for events and releases leases.
    pub begin_shutdown: Box<dyn Fn() + Send + Sync>,
    /// Waits for admitted calls, at most for the given time, then closes the module's data. Returns false if calls were
    /// cut off.
    pub stop: Box<dyn Fn(Duration) -> BoxFuture<'static, bool> + Send + Sync>,
}
