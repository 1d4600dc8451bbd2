//! The callers that a module admits. The application decides; a contract names none.

use std::sync::Arc;

use crate::failure::CallFailure;

/// An allow list of modules and request origins.
#[derive(Debug, Clone, Default)]
pub struct Callers(Option<Arc<[&'static str]>>);

impl Callers {
    /// Admits every caller: with a service token, if remote.
    #[must_use]
    pub fn everyone() -> Self {
        Self(None)
    }

    /// Admits only these callers.
    #[must_use]
    pub fn only(callers: &[&'static str]) -> Self {
        Self(Some(callers.into()))
    }

    /// Refuses a caller of `module` who is not on the list: `403 caller-not-allowed`, not executed.
    pub fn authorize(&self, module: &str, caller: &str) -> Result<(), CallFailure> {
        match &self.0 {
            Some(allowed) if !allowed.contains(&caller) => {
                let why = format!("{caller} may not call {module}: only {} may", allowed.join(", "));
                Err(CallFailure::refused(403, "caller-not-allowed", why))
            }
            _ => Ok(()),
        }
    }
}
