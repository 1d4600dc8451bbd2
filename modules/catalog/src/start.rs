//! Start of the catalog module in a process.

use std::sync::Arc;

use catalog_api::v1::CatalogApi;
use offshoot_host::{Module, ModuleRuntime};

use crate::{Catalog, SCHEMA};

/// Description of the catalog module for a host.
pub const MODULE: Module = Module::new(&SCHEMA);

/// Starts the module in the process of `runtime`.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn CatalogApi>> {
    Ok(Arc::new(Catalog::new(runtime.db(), runtime.clock())))
}
