//! Declaration rule: the application declares each module once, and folders, contracts, edges, features and origins agree
//! with the declaration. Each message states the text to add or to remove.

mod edges;
mod features;
mod origins;

use crate::application::Application;
use crate::contracts::Contracts;
use crate::declarations::{Declarations, Declared};
use crate::file::File;
use crate::manifest::{Manifest, Manifests};
use crate::project::Project;
use crate::tokens::Token;
use crate::violation::Violation;

/// A project with declarations.
struct Declaring<'a> {
    project: &'a Project,
    /// Rust files with tokens. A file that does not parse is missing here; another rule reports the file.
    sources: &'a [(&'a File, Vec<Token>)],
    declared: &'a Declarations<'a>,
    contracts: Contracts,
    manifests: &'a Manifests<'a>,
    application: Option<Application<'a>>,
}

pub(crate) fn find_disagreements(
    project: &Project,
    sources: &[(&File, Vec<Token>)],
    manifests: &Manifests<'_>,
) -> Vec<Violation> {
    let Some(declared) = Declarations::read(project) else {
        return Vec::new();
    };
    let declaring = Declaring {
        project,
        sources,
        declared: &declared,
        contracts: Contracts::read(project),
        manifests,
        application: Application::read(project),
    };
    let mut found = declared.unreadable.clone();
    found.extend(declaring.find_undeclared_modules());
    for module in &declared.modules.lines {
        // A missing module lacks everything else too: one report is enough.
        match declaring.find_missing_module(module) {
            Some(violation) => found.push(violation),
            None => {
                found.extend(declaring.find_missing_contract(module));
                found.extend(declaring.find_missing_migrations(module));
                found.extend(declaring.find_wrong_edges(module));
                found.extend(declaring.find_missing_features(module));
            }
        }
    }
    found.extend(declaring.find_superfluous_dependencies());
    found.extend(declaring.find_wrong_origins());
    found
}

impl<'a> Declaring<'a> {
    fn is_declared(&self, module: &str) -> bool {
        self.declared.modules.find(module).is_some()
    }

    /// Manifest of a module's implementation or contract.
    fn manifest(&self, module: &str, is_contract: bool) -> Option<&Manifest<'a>> {
        let mut manifests = self.manifests.0.iter();
        manifests.find(|manifest| manifest.module == module && manifest.is_contract == is_contract)
    }

    /// Package name of a module's contract.
    fn contract_package(&self, module: &str) -> String {
        let manifest = self.manifest(module, true).filter(|manifest| !manifest.name.is_empty());
        manifest.map_or_else(|| format!("{module}-api"), |manifest| manifest.name.clone())
    }

    /// Folders with a module and without a declaration.
    fn find_undeclared_modules(&self) -> Vec<Violation> {
        let modules = self.project.modules().into_iter();
        let modules = modules.filter(|module| self.manifest(module, false).is_some() && !self.is_declared(module));
        let found = modules.map(|module| {
            let message = format!(
                "{}/{module} is not declared: add the line `{}` to modules!",
                self.project.layout.modules,
                self.line_for(module)
            );
            self.declared.violation(self.declared.modules.end, message)
        });
        let mut found: Vec<_> = found.collect();
        let has_code = |module: &str| self.manifest(module, false).is_some();
        let stray = self.project.files.iter().filter_map(|file| {
            let module = self.project.layout.module_of_migrations(&file.path)?;
            (!self.is_declared(module) && !has_code(module)).then_some((file, module))
        });
        let mut seen = Vec::new();
        for (file, module) in stray {
            if !seen.contains(&module) {
                seen.push(module);
                let message = format!("{module} has migrations and is not declared: remove them, or add the module");
                found.push(Violation::new(file, 1, crate::violation::Rule::Declaration, message));
            }
        }
        found
    }

    /// The line that would declare a module, made from the module's sources.
    fn line_for(&self, module: &str) -> String {
        let package = self.contract_package(module).replace('-', "_");
        let path = self.contracts.of_module(module).first();
        let path = path.map_or_else(|| "Contract".to_owned(), |contract| contract.path.clone());
        let mut line = format!("{module}: {package}::{path}, \"{module}\", \"{module}-stub\"");
        for (keyword, names) in [
            ("calls", self.used_by(module, crate::contracts::Usage::Calls)),
            (
                "subscribes_to",
                self.used_by(module, crate::contracts::Usage::Subscribes),
            ),
        ] {
            let names: Vec<_> = names.into_keys().collect();
            if !names.is_empty() {
                line.push_str(&format!(", {keyword} [{}]", names.join(", ")));
            }
        }
        line + ";"
    }

    fn find_missing_module(&self, module: &Declared) -> Option<Violation> {
        let name = &module.name;
        self.manifest(name, false).is_none().then(|| {
            let message = format!(
                "{name} is declared, and {}/{name}/Cargo.toml is missing: create the crate, or remove the line",
                self.project.layout.modules
            );
            self.declared.violation(module.line, message)
        })
    }

    /// The declared trait must be a contract of that name.
    fn find_missing_contract(&self, module: &Declared) -> Option<Violation> {
        let name = &module.name;
        let of_module = self.contracts.of_module(name);
        let last = module.contract.rsplit("::").next().unwrap_or_default();
        if of_module
            .iter()
            .any(|contract| contract.ident == last && contract.name == *name)
        {
            return None;
        }
        let layout = &self.project.layout;
        let message = format!(
            "{} is not a contract of {name}: {}/{name}/{}/src needs the trait {last} with `#[contract(name = \"{name}\", ..)]`",
            module.contract, layout.modules, layout.contract
        );
        Some(self.declared.violation(module.line, message))
    }

    fn find_missing_migrations(&self, module: &Declared) -> Option<Violation> {
        let layout = &self.project.layout;
        let mut files = self.project.files.iter();
        let has_some = files.any(|file| {
            file.path.ends_with(".sql") && layout.module_of_migrations(&file.path) == Some(module.name.as_str())
        });
        (!has_some).then(|| {
            let folder = layout.migrations.replace("{module}", &module.name);
            let message = format!(
                "{} is declared and has no migration: add SQL files to {folder}",
                module.name
            );
            self.declared.violation(module.line, message)
        })
    }
}
