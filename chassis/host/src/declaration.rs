//! Declarations of an application: all edges of each module, and of each caller that is not a module.
//!
//! Checked before anything is opened, because a forgotten edge would otherwise show at the first request. Knows no
//! implementation. `offshoot check` finds the same mistakes, and more, in the sources.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};

/// An application's declaration of a module: all edges to other modules.
///
/// Known also in a process that calls the module without having the implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// The module's name.
    pub name: &'static str,
    /// Modules whose contracts this module calls.
    pub calls: &'static [&'static str],
    /// Modules with events that this module handles.
    pub subscribes_to: &'static [&'static str],
    /// Source of the declaration, for messages: `concat!(file!(), ":", line!())`.
    pub declared_at: &'static str,
}

impl Declaration {
    /// Whether the module calls `other` or reads the events of `other`.
    #[must_use]
    pub fn depends_on(&self, other: &str) -> bool {
        self.calls.contains(&other) || self.subscribes_to.contains(&other)
    }

    /// Fails unless the declaration admits calls of `callee`.
    pub fn require_call(&self, callee: &str) -> Result<()> {
        let Self { name, declared_at, .. } = self;
        ensure!(
            self.calls.contains(&callee),
            "{name} calls {callee} without declaring so: add {callee} to `calls [..]` of {name} at {declared_at}"
        );
        Ok(())
    }

    /// Fails unless exactly the modules in `called` are declared as callees.
    pub fn require_calls(&self, called: &BTreeSet<&str>) -> Result<()> {
        let Self { name, declared_at, .. } = self;
        called.iter().try_for_each(|callee| self.require_call(callee))?;
        if let Some(callee) = self.calls.iter().find(|callee| !called.contains(*callee)) {
            bail!("{name} declares `calls [{callee}]` and does not call {callee}: remove {callee} at {declared_at}");
        }
        Ok(())
    }

    /// Fails unless exactly the modules in `publishers` are declared as publishers.
    pub(crate) fn require_subscriptions(&self, publishers: &BTreeSet<&str>) -> Result<()> {
        let Self { name, declared_at, .. } = self;
        if let Some(publisher) = publishers.iter().find(|one| !self.subscribes_to.contains(*one)) {
            bail!(
                "{name} subscribes to {publisher} without declaring so: \
                 add {publisher} to `subscribes_to [..]` of {name} at {declared_at}"
            );
        }
        if let Some(publisher) = self.subscribes_to.iter().find(|one| !publishers.contains(*one)) {
            bail!(
                "{name} declares `subscribes_to [{publisher}]` and has no such subscription: \
                 remove {publisher} at {declared_at}, or add the subscription to `MODULE` of {name}"
            );
        }
        Ok(())
    }
}

/// Checks all declarations of an application with each other. `origins` are callers that are not modules.
///
/// Names must be unique, and each edge must lead to a module that is declared before: callees start first, and backups
/// are taken in the reverse order.
pub fn check_declarations(modules: &[Declaration], origins: &[Declaration]) -> Result<()> {
    let mut before = BTreeSet::new();
    for declaration in modules.iter().chain(origins) {
        let Declaration { name, declared_at, .. } = declaration;
        for other in declaration.calls.iter().chain(declaration.subscribes_to) {
            if before.contains(other) {
                continue;
            }
            ensure!(
                modules.iter().any(|module| module.name == *other),
                "{name} names {other}, which is not declared: declare {other}, or remove the name, at {declared_at}"
            );
            bail!(
                "{name} is declared before {other}: move the line of {name} below the line of {other} at {declared_at}"
            );
        }
        ensure!(
            before.insert(name),
            "{name} is declared twice: remove one of the lines at {declared_at}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn declare(
        name: &'static str,
        calls: &'static [&'static str],
        subscribes_to: &'static [&'static str],
    ) -> Declaration {
        Declaration {
            name,
            calls,
            subscribes_to,
            declared_at: "wiring.rs:1",
        }
    }

    const DEPOT: Declaration = declare("depot", &[], &[]);
    const YARD: Declaration = declare("yard", &["depot"], &["depot"]);
    const PUBLIC: Declaration = declare("public", &["yard"], &[]);

    #[track_caller]
    fn assert_refused(result: Result<()>, parts: &[&str]) {
        let error = result.expect_err("the declarations are wrong").to_string();
        for part in parts {
            assert!(error.contains(part), "{error}");
        }
        assert!(error.contains("wiring.rs:1"), "{error}");
    }

    #[test]
    fn an_edge_leads_to_a_module_that_is_declared_before() {
        check_declarations(&[DEPOT, YARD], &[PUBLIC]).expect("the declarations agree");
        let ghostly = declare("yard", &["depot"], &["ghost"]);
        assert_refused(
            check_declarations(&[DEPOT, ghostly], &[]),
            &["yard names ghost", "declare ghost"],
        );
        assert_refused(
            check_declarations(&[YARD, DEPOT], &[]),
            &["yard is declared before depot", "below the line of depot"],
        );
        let to_itself = declare("yard", &["yard"], &[]);
        assert_refused(check_declarations(&[to_itself], &[]), &["yard is declared before yard"]);
        assert_refused(check_declarations(&[DEPOT], &[PUBLIC]), &["public names yard"]);
        assert_refused(check_declarations(&[DEPOT, DEPOT], &[]), &["depot is declared twice"]);
    }

    #[test]
    fn calls_and_declared_calls_are_the_same() {
        let called = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        PUBLIC.require_calls(&called(&["yard"])).expect("the call is declared");
        assert_refused(
            PUBLIC.require_calls(&called(&["yard", "depot"])),
            &["public calls depot", "add depot to `calls [..]` of public"],
        );
        assert_refused(
            PUBLIC.require_calls(&called(&[])),
            &["public declares `calls [yard]`", "remove yard"],
        );
    }

    #[test]
    fn subscriptions_and_declared_subscriptions_are_the_same() {
        let publishers = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        YARD.require_subscriptions(&publishers(&["depot"]))
            .expect("the subscription is declared");
        assert_refused(
            DEPOT.require_subscriptions(&publishers(&["yard"])),
            &["depot subscribes to yard", "add yard to `subscribes_to [..]` of depot"],
        );
        assert_refused(
            YARD.require_subscriptions(&publishers(&[])),
            &["yard declares `subscribes_to [depot]`", "`MODULE` of yard"],
        );
    }
}
