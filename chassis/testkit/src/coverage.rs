//! Coverage of a contract: methods, error variants and repeats reached by all test bodies, compared with the
//! description.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use offshoot_contract::{Class, Contract, ContractError, Method, describe};

/// Coverage of one combination.
#[derive(Debug, Default)]
pub(crate) struct Coverage(Mutex<Reached>);

#[derive(Debug, Default)]
struct Reached {
    answered: BTreeSet<&'static str>,
    repeated: BTreeSet<&'static str>,
    /// Method and variant.
    errors: BTreeSet<(&'static str, &'static str)>,
}

impl Coverage {
    pub(crate) fn record<M: Method>(&self, result: &Result<M::Answer, M::Error>) {
        let mut reached = self.lock();
        match result.as_ref().map_err(ContractError::variant) {
            Ok(_) => {
                reached.answered.insert(M::SPEC.name);
            }
            Err(Some(variant)) => {
                reached.errors.insert((M::SPEC.name, variant));
            }
            Err(None) => {}
        }
    }

    pub(crate) fn record_repeat<M: Method>(&self) {
        self.lock().repeated.insert(M::SPEC.name);
    }

    /// Uncovered parts of contract `A`, and errors that the documentation of a method keeps from its callers, one sentence
    /// each.
    pub(crate) fn missing<A: Contract + ?Sized>(&self) -> Vec<String> {
        let reached = self.lock();
        let mut missing = Vec::new();
        let mut variants = BTreeSet::new();
        let description = describe::<A>();
        for method in &description.methods {
            let name = method.name.as_str();
            if !reached.answered.contains(name) {
                missing.push(format!("`{name}` never succeeded"));
            }
            if method.class != Class::Safe.as_str() && !reached.repeated.contains(name) {
                missing.push(format!("`{name}` was never repeated"));
            }
            let documented = description.errors_of(method);
            let of_method = reached.errors.iter().filter(|(method, _)| *method == name);
            let undocumented =
                of_method.filter(|(_, variant)| documented.iter().all(|error| error.variant != *variant));
            missing.extend(undocumented.map(|(_, variant)| {
                format!("`{name}` failed with `{variant}`, which its documentation does not name")
            }));
            variants.extend(method.errors.iter().map(|error| error.variant.as_str()));
        }
        let is_reached = |variant: &str| reached.errors.iter().any(|(_, reached)| *reached == variant);
        let unreached = variants.iter().filter(|variant| !is_reached(variant));
        missing.extend(unreached.map(|variant| format!("error `{variant}` was never reached")));
        missing
    }

    fn lock(&self) -> MutexGuard<'_, Reached> {
        // A body that panicked while recording leaves only complete entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
