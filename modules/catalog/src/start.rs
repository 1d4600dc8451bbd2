//! Start of the catalog module in a process.

use std::sync::Arc;

use catalog_api::v1::CatalogApi;
use offshoot_host::{Module, ModuleRuntime};

use crate::{Catalog, SCHEMA};

/// The catalog as a host sees it.
pub const MODULE: Module = Module::new(&SCHEMA);

/// Makes the implementation in the process that `runtime` stands for.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn CatalogApi>> {
    Ok(Arc::new(Catalog::new(runtime.db(), runtime.clock())))
}
