//! Contracts of a project's modules: traits under `#[contract]`, their event types, and the code that uses them.

use std::collections::BTreeMap;

use crate::project::Project;
use crate::tokens::Token;

/// A contract of a module. A module has several while it serves two versions.
#[derive(Debug)]
pub(crate) struct ContractTrait {
    /// `name` of the attribute.
    pub(crate) name: String,
    /// Name of the trait.
    pub(crate) ident: String,
    /// Path of the trait inside the crate: `v1::TripsApi`.
    pub(crate) path: String,
    /// Name of the event type.
    pub(crate) events: Option<String>,
}

/// Contracts by module.
#[derive(Debug, Default)]
pub(crate) struct Contracts(BTreeMap<String, Vec<ContractTrait>>);

/// How code uses a contract of another module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Usage {
    /// Names `dyn Trait`.
    Calls,
    /// Names the event type.
    Subscribes,
}

impl Contracts {
    pub(crate) fn read(project: &Project) -> Self {
        let mut contracts = Self::default();
        for file in project.files.iter().filter(|file| file.is_rust()) {
            let Some(module) = project.layout.module_of_code(&file.path) else {
                continue;
            };
            let folder = format!("{}/{module}/{}/src/", project.layout.modules, project.layout.contract);
            let Some(inside) = file.path.strip_prefix(&folder) else {
                continue;
            };
            // A file that cannot be parsed is reported where all files are read.
            let items = syn::parse_file(&file.text)
                .map(|parsed| parsed.items)
                .unwrap_or_default();
            let found = items.iter().filter_map(|item| read_trait(item, inside));
            contracts.0.entry(module.to_owned()).or_default().extend(found);
        }
        contracts
    }

    /// Contracts of a module.
    pub(crate) fn of_module(&self, module: &str) -> &[ContractTrait] {
        self.0.get(module).map_or(&[], Vec::as_slice)
    }

    /// Contracts that these tokens use: module, usage, line and name of the used type.
    pub(crate) fn used<'a, 't>(&'a self, tokens: &'t [Token]) -> Vec<(&'a str, Usage, usize, &'t str)> {
        let mut used = Vec::new();
        for (place, token) in tokens.iter().enumerate() {
            let is_path_end = tokens.get(place + 1).is_none_or(|next| next.text != ":")
                || tokens.get(place + 2).is_none_or(|next| next.text != ":");
            for (module, contract) in self
                .0
                .iter()
                .flat_map(|(module, all)| all.iter().map(move |one| (module, one)))
            {
                let usage = if contract.events.as_ref() == Some(&token.text) {
                    Usage::Subscribes
                } else if contract.ident == token.text && is_path_end && is_dyn(&tokens[..place]) {
                    Usage::Calls
                } else {
                    continue;
                };
                used.push((module.as_str(), usage, token.line, token.text.as_str()));
            }
        }
        used
    }
}

/// Whether the tokens end with `dyn`, or with `dyn` and the beginning of a path.
fn is_dyn(before: &[Token]) -> bool {
    match before {
        [.., last] if last.text == "dyn" => true,
        [rest @ .., _, first, second] if first.text == ":" && second.text == ":" => is_dyn(rest),
        _ => false,
    }
}

/// Reads an item of the file at `inside`, a path below the contract's `src`.
fn read_trait(item: &syn::Item, inside: &str) -> Option<ContractTrait> {
    let syn::Item::Trait(item) = item else { return None };
    let is_contract = |attribute: &&syn::Attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| segment.ident == "contract")
    };
    let attribute = item.attrs.iter().find(is_contract)?;
    let (mut name, mut events) = (String::new(), None);
    // An invalid attribute is an error of the compiler.
    let _ = attribute.parse_nested_meta(|meta| {
        let value = meta.value()?;
        if meta.path.is_ident("name") {
            name = value.parse::<syn::LitStr>()?.value();
        } else if meta.path.is_ident("events") {
            let path = value.parse::<syn::Path>()?;
            events = path.segments.last().map(|segment| segment.ident.to_string());
        } else {
            value.parse::<syn::Expr>()?;
        }
        Ok(())
    });
    let ident = item.ident.to_string();
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    let mut path: Vec<_> = inside.split('/').filter(|part| *part != "lib").collect();
    path.push(&ident);
    Some(ContractTrait {
        path: path.join("::"),
        name,
        events,
        ident: ident.clone(),
    })
}
