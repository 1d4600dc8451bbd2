//! Agreement of the declarations with each other, with the features and with the callers. A disagreement stops the process
//! at its start: the first request would be too late. Names no module.

#[cfg(feature = "store")]
use std::sync::Arc;

#[cfg(feature = "store")]
use offshoot_contract::Contract;
#[cfg(feature = "store")]
use offshoot_host::Declaration;
use offshoot_host::check_declarations;

#[cfg(feature = "store")]
use super::Wired;
use super::{BUILT, DECLARATIONS, ORIGINS};

/// The declaration of a caller that is not a module.
#[cfg(feature = "store")]
pub(crate) fn origin(name: &str) -> anyhow::Result<&'static Declaration> {
    let found = ORIGINS.iter().find(|origin| origin.name == name);
    found.ok_or_else(|| {
        anyhow::anyhow!("{name} calls modules and is not declared: add a line to origins! in app/src/wiring.rs")
    })
}

#[cfg(feature = "store")]
impl Wired {
    /// A module's contract for an origin; `None` if the module is off here. Fails if the origin does not declare the call.
    pub(crate) fn contract_for<A: Contract + ?Sized>(&self, caller: &str) -> anyhow::Result<Option<Arc<A>>> {
        origin(caller)?.require_call(A::NAME)?;
        Ok(self.contracts().get::<A>().cloned())
    }
}

/// Checks the declarations with each other and with the features, before anything is opened.
pub(super) fn require_agreement() -> anyhow::Result<()> {
    check_declarations(DECLARATIONS, ORIGINS)?;
    if cfg!(feature = "default") {
        require_all_built(BUILT)?;
    }
    Ok(())
}

/// The default binary has every module. A module without a feature would be left out without a word.
fn require_all_built(built: &[(&str, bool)]) -> anyhow::Result<()> {
    match built.iter().find(|(_, is_built)| !is_built) {
        Some((feature, _)) => anyhow::bail!(
            "the default binary has no implementation behind the feature {feature}, which app/src/wiring.rs declares: \
             add \"{feature}\" to `default` in [features] of app/Cargo.toml"
        ),
        None => Ok(()),
    }
}

#[cfg(all(test, feature = "store"))]
mod tests {
    use super::*;

    #[test]
    fn the_declarations_agree_and_a_module_that_the_default_binary_lacks_is_named() {
        require_agreement().expect("the store's declarations agree");
        let error = require_all_built(&[("catalog", true), ("reviews", false)]).expect_err("reviews are missing");
        let error = error.to_string();
        assert!(
            error.contains("add \"reviews\" to `default` in [features] of app/Cargo.toml"),
            "{error}"
        );
    }

    #[test]
    fn an_origin_is_declared() {
        let error = origin("gossip").expect_err("nobody declares gossip").to_string();
        assert!(error.contains("add a line to origins! in app/src/wiring.rs"), "{error}");
        let error = origin("import").and_then(|import| import.require_call("payments"));
        let error = error.expect_err("import does not declare payments").to_string();
        assert!(
            error.contains("add payments to `calls [..]` of import at app/src/wiring.rs:"),
            "{error}"
        );
    }
}
