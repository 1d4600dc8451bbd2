//! Coverage of a contract: methods, error variants and repeats reached by all test bodies, compared with the
//! description.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use offshoot_contract::{Class, Contract, ContractDescription, ContractError, Method, describe};

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
            variants.extend(method.errors.iter().map(|error| error.variant.as_str()));
        }
        missing.extend(find_undocumented(&description, &reached.errors));
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

/// Errors, as method and variant, that the documentation of the method does not name.
fn find_undocumented(description: &ContractDescription, errors: &BTreeSet<(&str, &str)>) -> Vec<String> {
    let is_documented = |method: &str, variant: &str| {
        let method = description.methods.iter().find(|described| described.name == method);
        method.is_some_and(|method| {
            description
                .errors_of(method)
                .iter()
                .any(|error| error.variant == variant)
        })
    };
    let undocumented = errors
        .iter()
        .filter(|(method, variant)| !is_documented(method, variant));
    undocumented
        .map(|(method, variant)| format!("`{method}` failed with `{variant}`, which its documentation does not name"))
        .collect()
}

#[cfg(test)]
mod tests {
    use offshoot_contract::{ErrorDescription, MethodDescription};

    use super::*;

    fn method(name: &str, doc: &str) -> MethodDescription {
        MethodDescription {
            name: name.to_owned(),
            doc: doc.to_owned(),
            verb: "GET".to_owned(),
            path: String::new(),
            class: "safe".to_owned(),
            key: None,
            stale_ok: false,
            max_bytes: 0,
            timeout_ms: 0,
            params: Default::default(),
            body: None,
            answer: None,
            errors: vec![ErrorDescription::new("Silent", 404, "silent", "")],
        }
    }

    #[test]
    fn an_error_that_the_documentation_of_its_method_does_not_name_is_reported() {
        let description = ContractDescription {
            name: "readings".to_owned(),
            version: "1.0".to_owned(),
            hash: String::new(),
            doc: String::new(),
            methods: vec![method("latest", "Fails with `Silent`."), method("count", "Counts.")],
            events: Vec::new(),
            schemas: Default::default(),
        };
        let reached = BTreeSet::from([("latest", "Silent"), ("count", "Silent")]);
        assert_eq!(
            find_undocumented(&description, &reached),
            ["`count` failed with `Silent`, which its documentation does not name"]
        );
    }
}
