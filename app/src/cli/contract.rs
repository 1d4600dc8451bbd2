//! `offshoot contract`: the contracts of this binary, and a comparison with the released descriptions.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde::Serialize;

use offshoot_contract::{ContractDescription, breaking_changes, openapi};

use super::module_name::module;
use super::print;
use crate::wiring;

#[derive(Debug, Subcommand)]
pub(super) enum ContractCommand {
    /// Print the OpenAPI 3.1 document of a module's contract.
    #[command(after_help = "\
Example:
  offshoot contract openapi catalog > catalog.json

Next: `offshoot contract show catalog` prints the description that `offshoot contract check` compares.")]
    Openapi {
        /// The module.
        #[arg(value_parser = module)]
        module: String,
    },

    /// Print the description of a module's contract as JSON.
    #[command(after_help = "\
Example:
  offshoot contract show carts

Next: `offshoot contract check carts` compares the description with the released ones.")]
    Show {
        /// The module.
        #[arg(value_parser = module)]
        module: String,
    },

    /// Find changes that would break callers of a released contract. Exit code 1 if there is one.
    #[command(after_help = "\
Compares each contract of this binary with the released descriptions of the same major version.

Examples:
  offshoot contract check --released modules
  offshoot contract check catalog --released modules

Next: take the change back, or release a new major version of the contract.")]
    Check {
        /// Only this module.
        #[arg(value_parser = module)]
        module: Option<String>,

        /// Folder with the released descriptions: <MODULE>/api/contract/v<MAJOR>.<MINOR>.json.
        #[arg(long, value_name = "DIR", default_value = "modules")]
        released: PathBuf,
    },
}

pub(super) fn execute(what: &ContractCommand, json: bool) -> Result<ExitCode> {
    match what {
        ContractCommand::Openapi { module } => print(&openapi(&description(module)?), "", true)?,
        ContractCommand::Show { module } => print(&description(module)?, "", true)?,
        ContractCommand::Check { module, released } => {
            let findings = check(module.as_deref(), released)?;
            print(
                &findings,
                &findings.iter().map(Finding::text).collect::<Vec<_>>().join("\n"),
                json,
            )?;
            if findings.iter().any(|finding| !finding.breaches.is_empty()) {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn description(module: &str) -> Result<ContractDescription> {
    let mut all = wiring::descriptions().into_iter();
    all.find(|contract| contract.name == module)
        .with_context(|| format!("there is no module {module}"))
}

/// A contract of this binary compared with one released description.
#[derive(Debug, Serialize)]
struct Finding {
    module: String,
    version: String,
    /// `None`: the module has no released description.
    released: Option<String>,
    breaches: Vec<String>,
}

impl Finding {
    fn text(&self) -> String {
        let Self {
            module,
            version,
            released,
            breaches,
        } = self;
        let Some(released) = released else {
            return format!("{module} {version}: nothing was released yet");
        };
        if breaches.is_empty() {
            return format!("{module} {version} keeps what {released} promised");
        }
        format!(
            "{module} {version} breaks callers of {released}:\n  {}",
            breaches.join("\n  ")
        )
    }
}

fn check(module: Option<&str>, released: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for contract in wiring::descriptions() {
        if module.is_some_and(|module| module != contract.name) {
            continue;
        }
        let before = findings.len();
        for old in released_descriptions(released, &contract)? {
            findings.push(Finding {
                module: contract.name.clone(),
                version: contract.version.clone(),
                breaches: promises_broken(&old, &contract),
                released: Some(old.version),
            });
        }
        if findings.len() == before {
            findings.push(Finding {
                module: contract.name,
                version: contract.version,
                released: None,
                breaches: Vec::new(),
            });
        }
    }
    Ok(findings)
}

fn promises_broken(old: &ContractDescription, new: &ContractDescription) -> Vec<String> {
    let mut broken: Vec<String> = breaking_changes(old, new).iter().map(ToString::to_string).collect();
    if old.version == new.version && old.hash != new.hash {
        broken.push(format!(
            "the shape has changed since {} was released: raise the minor version",
            old.version
        ));
    }
    broken
}

/// Descriptions of the same major version; another major promises nothing to callers.
fn released_descriptions(folder: &Path, contract: &ContractDescription) -> Result<Vec<ContractDescription>> {
    let module = folder.join(&contract.name);
    let files = module.join("api/contract");
    std::fs::metadata(&module).with_context(|| {
        format!(
            "{} is not there: name the folder of the modules with --released DIR",
            module.display()
        )
    })?;
    let Ok(entries) = std::fs::read_dir(&files) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read {}", files.display()))?
            .path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&format!("v{}.", contract.major())) && name.ends_with(".json") {
            let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let description = serde_json::from_slice::<ContractDescription>(&text);
            found.push(description.with_context(|| format!("{} is not a contract description", path.display()))?);
        }
    }
    found.sort_by_key(|description| minor(&description.version));
    Ok(found)
}

fn minor(version: &str) -> Option<u32> {
    version.split_once('.').and_then(|(_, minor)| minor.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of modules with a released description of the catalog, altered by `change`.
    fn released(change: impl FnOnce(&mut ContractDescription)) -> tempfile::TempDir {
        let mut catalog = description("catalog").expect("there is a catalog");
        change(&mut catalog);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let files = folder.path().join("catalog/api/contract");
        std::fs::create_dir_all(&files).expect("it can be made");
        let text = serde_json::to_vec(&catalog).expect("it serializes");
        std::fs::write(files.join(format!("v{}.json", catalog.version)), text).expect("it can be written");
        folder
    }

    fn breaches_of_catalog(folder: &tempfile::TempDir) -> Vec<String> {
        let findings = check(Some("catalog"), folder.path()).expect("it can be read");
        findings.into_iter().flat_map(|finding| finding.breaches).collect()
    }

    #[test]
    fn a_contract_keeps_what_it_was_released_with() {
        assert!(breaches_of_catalog(&released(|_| {})).is_empty());
    }

    #[test]
    fn a_method_that_is_gone_and_a_change_without_a_new_version_are_breaches() {
        let gone = released(|catalog| {
            let mut method = catalog.methods[0].clone();
            method.name = "product_by_sku".to_owned();
            catalog.methods.push(method);
            catalog.hash = "another".to_owned();
        });
        let breaches = breaches_of_catalog(&gone);
        assert_eq!(breaches.len(), 2, "{breaches:?}");
        assert!(breaches[0].starts_with("product_by_sku: "), "{breaches:?}");
        assert!(breaches[1].ends_with("raise the minor version"), "{breaches:?}");
    }

    #[test]
    fn a_folder_without_the_module_is_an_error_and_one_without_releases_is_none() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        assert!(check(Some("catalog"), folder.path()).is_err());
        std::fs::create_dir(folder.path().join("catalog")).expect("it can be made");
        let findings = check(Some("catalog"), folder.path()).expect("it can be read");
        assert!(findings[0].released.is_none());
    }
}
