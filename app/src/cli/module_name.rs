//! Names of modules on the command line.

use super::control;
use crate::wiring;

/// Checks the name of a module of the store.
pub(super) fn module(name: &str) -> Result<String, String> {
    let known: Vec<_> = wiring::names().collect();
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("the modules are {}", known.join(", ")))
}

/// Checks the name of a module of the store, or of the control database.
pub(super) fn module_or_control(name: &str) -> Result<String, String> {
    if name == control::NAME {
        return Ok(name.to_owned());
    }
    module(name)
}

/// Checks the name of a module whose implementation is part of this binary.
pub(super) fn built_module(name: &str) -> Result<String, String> {
    let name = module(name)?;
    if wiring::is_built(&name) {
        return Ok(name);
    }
    let built: Vec<_> = wiring::schemas().iter().map(|schema| schema.module).collect();
    Err(format!("this binary is built without it: it has {}", built.join(", ")))
}
