//! Features of the application: each module has an optional implementation and an optional stub, and brings the stubs of
//! the modules that it uses.

use super::Declaring;
use crate::application::Application;
use crate::declarations::Declared;
use crate::violation::Violation;

impl Declaring<'_> {
    /// The stub feature of a declared module.
    fn stub_of(&self, module: &str) -> String {
        let declared = self.declared.modules.find(module);
        let stub = declared.and_then(|declared| declared.features.get(1));
        stub.cloned().unwrap_or_else(|| format!("{module}-stub"))
    }

    pub(super) fn find_missing_features(&self, module: &Declared) -> Vec<Violation> {
        let (Some(application), [implementation, stub]) = (&self.application, module.features.as_slice()) else {
            return Vec::new();
        };
        let name = &module.name;
        let contract = self.contract_package(name);
        let mut wanted = vec![format!("dep:{name}"), stub.clone()];
        let declared = module.edges().filter(|callee| self.is_declared(callee));
        wanted.extend(declared.map(|callee| self.stub_of(callee)));
        wanted.dedup();
        let mut found = find_missing_entries(application, implementation, &wanted, name);
        found.extend(find_missing_entries(
            application,
            stub,
            &[format!("dep:{contract}")],
            name,
        ));
        if application
            .feature("default")
            .is_some_and(|default| !default.contains(implementation))
        {
            let message =
                format!("{name} is declared and not part of the default binary: add \"{implementation}\" to `default`");
            found.push(application.violation("features", "default", message));
        }
        let layout = &self.project.layout;
        let up = "../".repeat(layout.application().split('/').filter(|part| !part.is_empty()).count());
        for (package, folder) in [(name, ""), (&contract, layout.contract.as_str())] {
            if !application.has_dependency(package) {
                let path = format!("{up}{}/{name}/{folder}", layout.modules);
                let message = format!(
                    "{name} is declared: add `{package} = {{ path = \"{}\", optional = true }}` to [dependencies]",
                    path.trim_end_matches('/')
                );
                found.push(application.violation("dependencies", package, message));
            }
        }
        found
    }

    /// Dependencies of the application that are enabled by features of a module without a declaration and without code.
    pub(super) fn find_superfluous_dependencies(&self) -> Vec<Violation> {
        let Some(application) = &self.application else {
            return Vec::new();
        };
        let is_missing = |module: &str| !self.is_declared(module) && self.manifest(module, false).is_none();
        let modules = application.features().filter_map(|(_, entries)| {
            let stub = entries.iter().find_map(|entry| entry.strip_suffix("-stub"))?;
            let own = entries.iter().any(|entry| entry.strip_prefix("dep:") == Some(stub));
            (own && is_missing(stub)).then_some(stub)
        });
        let found = modules.map(|module| {
            let message = format!("{module} is not declared and has no code: remove its features and dependencies");
            application.violation("features", module, message)
        });
        found.collect()
    }

    /// A feature that enables the crate `package` must enable the stubs of the modules that the crate calls.
    pub(super) fn find_missing_stubs(&self, package: &str, callees: &[String]) -> Vec<Violation> {
        let Some(application) = &self.application else {
            return Vec::new();
        };
        let enabled = format!("dep:{package}");
        let mut found = Vec::new();
        for (feature, entries) in application.features().filter(|(_, entries)| entries.contains(&enabled)) {
            for callee in callees.iter().filter(|callee| self.is_declared(callee)) {
                let stub = self.stub_of(callee);
                if !entries.contains(&stub) {
                    let message = format!("{package} calls {callee}: add \"{stub}\" to the feature {feature}");
                    found.push(application.violation("features", feature, message));
                }
            }
        }
        found
    }
}

fn find_missing_entries(
    application: &Application<'_>,
    feature: &str,
    wanted: &[String],
    module: &str,
) -> Vec<Violation> {
    let Some(entries) = application.feature(feature) else {
        let wanted: Vec<_> = wanted.iter().map(|entry| format!("\"{entry}\"")).collect();
        let message = format!(
            "{module} is declared and has no feature {feature}: add `{feature} = [{}]` to [features]",
            wanted.join(", ")
        );
        return vec![application.violation("features", feature, message)];
    };
    let missing = wanted.iter().filter(|entry| !entries.contains(entry));
    let missing = missing.map(|entry| {
        let message = format!("the feature {feature} of {module} is incomplete: add \"{entry}\"");
        application.violation("features", feature, message)
    });
    missing.collect()
}
