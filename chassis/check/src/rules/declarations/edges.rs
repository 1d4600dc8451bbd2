//! Edges between modules: code and manifest of a module agree with `calls` and `subscribes_to` in the declaration.

use std::collections::BTreeMap;

use super::Declaring;
use crate::application::header_line;
use crate::contracts::Usage;
use crate::declarations::Declared;
use crate::violation::{Rule, Violation};

/// Modules that a module's code uses, each with the place of the first use: `path:line names Type`.
pub(super) type UsedModules<'a> = BTreeMap<&'a str, String>;

impl Declaring<'_> {
    /// Modules with a contract or events that the sources of `module` use.
    pub(super) fn used_by(&self, module: &str, usage: Usage) -> UsedModules<'_> {
        let folder = format!("{}/{module}/src/", self.project.layout.modules);
        let mut used = self.used_below(&folder, usage);
        used.remove(module);
        used
    }

    /// Modules with a contract or events that the sources below `folder` use.
    pub(super) fn used_below(&self, folder: &str, usage: Usage) -> UsedModules<'_> {
        let mut used = UsedModules::new();
        for (file, tokens) in self.sources.iter().filter(|(file, _)| file.path.starts_with(folder)) {
            for (callee, found, line, name) in self.contracts.used(tokens) {
                if found == usage {
                    let place = || format!("{}:{line} names {name}", file.path);
                    used.entry(callee).or_insert_with(place);
                }
            }
        }
        used
    }

    pub(super) fn find_wrong_edges(&self, module: &Declared) -> Vec<Violation> {
        let mut found = self.find_unknown_or_later(module);
        let name = &module.name;
        for (usage, keyword, declared) in [
            (Usage::Calls, "calls", &module.calls),
            (Usage::Subscribes, "subscribes_to", &module.subscribes_to),
        ] {
            let used = self.used_by(name, usage);
            for (callee, place) in &used {
                if !declared.iter().any(|declared| declared == callee) {
                    let message = format!(
                        "{name} uses {callee} without declaring so ({place}): add {callee} to `{keyword} [..]` of {name}"
                    );
                    found.push(self.declared.violation(module.line, message));
                }
            }
            for callee in declared.iter().filter(|callee| self.is_declared(callee)) {
                if !used.contains_key(callee.as_str()) {
                    let message = format!(
                        "{name} declares `{keyword} [{callee}]` and does not use {callee} so: remove {callee} from the list"
                    );
                    found.push(self.declared.violation(module.line, message));
                } else if let Some(violation) = self.find_missing_dependency(name, callee) {
                    found.push(violation);
                }
            }
        }
        found
    }

    /// Callees and publishers must be declared, and before the module.
    fn find_unknown_or_later(&self, module: &Declared) -> Vec<Violation> {
        let name = &module.name;
        let wrong = module.edges().filter_map(|callee| {
            let message = match self.declared.modules.find(callee) {
                None => format!("{name} names {callee}, which is not declared: declare {callee}, or remove the name"),
                Some(other) if other.line >= module.line => {
                    format!("{name} is declared before {callee}: move the line of {name} below the line of {callee}")
                }
                Some(_) => return None,
            };
            Some(self.declared.violation(module.line, message))
        });
        wrong.collect()
    }

    /// The implementation must depend on the contract of each callee.
    fn find_missing_dependency(&self, module: &str, callee: &str) -> Option<Violation> {
        let manifest = self.manifest(module, false)?;
        let package = self.contract_package(callee);
        let is_there = |dependency: &crate::manifest::Dependency| dependency.is_needed && dependency.name == package;
        if manifest.dependencies.iter().any(is_there) {
            return None;
        }
        let contract = &self.project.layout.contract;
        let message = format!(
            "{module} is declared to use {callee}: add `{package} = {{ path = \"../{callee}/{contract}\" }}` to [dependencies]"
        );
        let line = header_line(&manifest.file.text, "dependencies");
        Some(Violation::new(manifest.file, line, Rule::Declaration, message))
    }
}
