//! Origins: crates of the application that call modules in the name of a request's origin, such as `public`. An origin
//! that is not declared as a caller is refused at the first request.

use std::collections::{BTreeMap, BTreeSet};

use super::Declaring;
use super::edges::UsedModules;
use crate::contracts::Usage;
use crate::tokens::Token;
use crate::violation::Violation;

/// A crate below the application's folder.
#[derive(Default)]
struct OriginCrate<'a> {
    /// Origins that the crate's code names: `CallContext::root("public")`.
    origins: BTreeSet<String>,
    /// Modules that the crate's code calls.
    calls: UsedModules<'a>,
}

impl Declaring<'_> {
    pub(super) fn find_wrong_origins(&self) -> Vec<Violation> {
        let crates = self.origin_crates();
        let mut found = Vec::new();
        for (folder, code) in &crates {
            found.extend(self.find_undeclared_calls(folder, code));
            let package = self.package_name(folder);
            let callees: Vec<_> = code.calls.keys().map(|callee| (*callee).to_owned()).collect();
            found.extend(self.find_missing_stubs(&package, &callees));
        }
        for origin in &self.declared.origins.lines {
            let name = &origin.name;
            let own: Vec<_> = crates.values().filter(|code| code.origins.contains(name)).collect();
            for callee in origin.edges() {
                let message = if !self.is_declared(callee) {
                    format!("{name} names {callee}, which is not declared: declare {callee}, or remove the name")
                } else if !own.is_empty() && own.iter().all(|code| !code.calls.contains_key(callee.as_str())) {
                    format!(
                        "{name} declares `calls [{callee}]` and no code does so as {name}: remove {callee} from the list"
                    )
                } else {
                    continue;
                };
                found.push(self.declared.violation(origin.line, message));
            }
        }
        found
    }

    /// Calls that no origin of the crate declares.
    fn find_undeclared_calls(&self, folder: &str, code: &OriginCrate<'_>) -> Vec<Violation> {
        let Some(first) = code.origins.first() else {
            return Vec::new();
        };
        let declared: Vec<_> = code
            .origins
            .iter()
            .filter_map(|name| self.declared.origins.find(name))
            .collect();
        let Some(origin) = declared.first() else {
            let callees: Vec<_> = code.calls.keys().copied().collect();
            let message = format!(
                "{folder} calls modules as {first}, which is not declared: add the line `{first}: calls [{}];` to origins!",
                callees.join(", ")
            );
            let is_caller = !callees.is_empty();
            return is_caller
                .then(|| self.declared.violation(self.declared.origins.end, message))
                .into_iter()
                .collect();
        };
        let is_undeclared = |callee: &str| {
            !declared
                .iter()
                .any(|origin| origin.calls.iter().any(|one| one == callee))
        };
        let missing = code.calls.iter().filter(|(callee, _)| is_undeclared(callee));
        let missing = missing.map(|(callee, place)| {
            let name = &origin.name;
            let message =
                format!("{name} calls {callee} without declaring so ({place}): add {callee} to `calls [..]` of {name}");
            self.declared.violation(origin.line, message)
        });
        missing.collect()
    }

    /// Crates below the application's folder, without the application, which passes contracts on and calls none.
    fn origin_crates(&self) -> BTreeMap<String, OriginCrate<'_>> {
        let application = self.project.layout.application_manifest();
        let root = application.trim_end_matches("Cargo.toml");
        let manifests = self.project.files.iter().filter(|file| {
            let inside = file
                .path
                .strip_prefix(root)
                .and_then(|path| path.strip_suffix("/Cargo.toml"));
            inside.is_some_and(|inside| !inside.is_empty()) && !self.project.belongs_to_module(file)
        });
        let crates = manifests.map(|manifest| {
            let folder = manifest.path.trim_end_matches("/Cargo.toml");
            let sources = format!("{folder}/src/");
            let mut code = OriginCrate {
                calls: self.used_below(&sources, Usage::Calls),
                ..OriginCrate::default()
            };
            for (_, tokens) in self.sources.iter().filter(|(file, _)| file.path.starts_with(&sources)) {
                code.origins.extend(origins_in(tokens));
            }
            (folder.to_owned(), code)
        });
        crates.collect()
    }

    fn package_name(&self, folder: &str) -> String {
        let path = format!("{folder}/Cargo.toml");
        let manifest = self.project.files.iter().find(|file| file.path == path);
        let table = manifest.and_then(|file| file.text.parse::<toml::Table>().ok());
        let name = table.and_then(|table| Some(table.get("package")?.get("name")?.as_str()?.to_owned()));
        name.unwrap_or_default()
    }
}

/// Names in `CallContext::root("name")`.
fn origins_in(tokens: &[Token]) -> impl Iterator<Item = String> + '_ {
    tokens.windows(6).filter_map(|window| {
        let texts = [0, 1, 2, 3, 4].map(|place| window[place].text.as_str());
        (texts == ["CallContext", ":", ":", "root", "("]).then(|| window[5].literal.clone())?
    })
}
