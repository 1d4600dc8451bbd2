//! A module that a process hosts or calls, with the handles for serving, checking and stopping.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;

use crate::module_switch::PlacementControl;

/// A module in this process, executed here or called elsewhere.
pub struct HostedModule {
    /// The module's name.
    pub name: &'static str,
    /// Location of the data or of the process, for people.
    pub location: String,
    /// Control over the placement of calls.
    pub control: Arc<dyn PlacementControl>,
    /// Routes of the module's contract, if the module runs here.
    pub routes: Option<Router>,
    /// Ends held-back event responses and releases leases, because the process is about to stop.
    pub begin_shutdown: Box<dyn Fn() + Send + Sync>,
    /// Waits at most so long for admitted calls, then closes the module's data. False if calls were cut off.
    pub stop: Box<dyn Fn(Duration) -> BoxFuture<'static, bool> + Send + Sync>,
}
