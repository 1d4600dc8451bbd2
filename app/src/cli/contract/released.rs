//! Contracts compared with their released descriptions, and the release of new ones.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

use offshoot_contract::{ContractDescription, breaking_changes};

/// Folder of the descriptions below a module's folder.
const DESCRIPTIONS: &str = "api/contract";

/// A contract of this binary compared with one released description.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    module: String,
    version: String,
    /// `None`: the module has no released description.
    released: Option<String>,
    breaches: Vec<String>,
}

impl Finding {
    pub(super) fn is_kept(&self) -> bool {
        self.breaches.is_empty()
    }

    pub(super) fn text(&self) -> String {
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

/// Compares contracts with the descriptions in `folder`: one finding for each released version.
pub(super) fn compare(present: &[ContractDescription], folder: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for contract in present {
        let released = released_descriptions(folder, contract)?;
        let finding = |released, breaches| Finding {
            module: contract.name.clone(),
            version: contract.version.clone(),
            released,
            breaches,
        };
        if released.is_empty() {
            findings.push(finding(None, Vec::new()));
        }
        for old in released {
            let breaches = promises_broken(&old, contract);
            findings.push(finding(Some(old.version), breaches));
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
    if minor(&old.version) > minor(&new.version) {
        broken.push(format!("{} was released before: raise the version", old.version));
    }
    broken
}

/// Descriptions of the same major version; another major promises nothing to callers.
fn released_descriptions(folder: &Path, contract: &ContractDescription) -> Result<Vec<ContractDescription>> {
    let module = folder.join(&contract.name);
    let files = module.join(DESCRIPTIONS);
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

/// The description of a contract version.
#[derive(Debug, Serialize)]
pub(super) struct Release {
    module: String,
    version: String,
    file: PathBuf,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// Released before, and unchanged.
    Released,
    /// Written now.
    Written,
    Missing,
}

impl Release {
    pub(super) fn is_there(&self) -> bool {
        self.state != State::Missing
    }

    pub(super) fn text(&self) -> String {
        let Self { module, version, .. } = self;
        let file = self.file.display();
        match self.state {
            State::Released => format!("{module} {version}: released in {file}"),
            State::Written => format!("{module} {version}: wrote {file}"),
            State::Missing => {
                format!("{module} {version}: {file} is missing: run `offshoot contract release {module}`")
            }
        }
    }
}

/// Writes the descriptions that `folder` lacks. Existing files stay as they are. `check` writes nothing.
pub(super) fn release(present: &[ContractDescription], folder: &Path, check: bool) -> Result<Vec<Release>> {
    let mut releases = Vec::new();
    for contract in present {
        let descriptions = folder.join(&contract.name).join(DESCRIPTIONS);
        let file = descriptions.join(format!("v{}.json", contract.version));
        let state = match file.exists() {
            true => State::Released,
            false if check => State::Missing,
            false => {
                write_new(contract, &descriptions, &file)
                    .with_context(|| format!("cannot write {}", file.display()))?;
                State::Written
            }
        };
        releases.push(Release {
            module: contract.name.clone(),
            version: contract.version.clone(),
            file,
            state,
        });
    }
    Ok(releases)
}

fn write_new(contract: &ContractDescription, folder: &Path, file: &Path) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(contract)?;
    text.push(b'\n');
    std::fs::create_dir_all(folder)?;
    let written = File::create_new(file)?.write_all(&text);
    if written.is_err() {
        // Half a description would look like a released one.
        std::fs::remove_file(file)?;
    }
    Ok(written?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring;

    fn catalog() -> ContractDescription {
        let mut all = wiring::descriptions().into_iter();
        all.find(|contract| contract.name == "catalog")
            .expect("there is a catalog")
    }

    /// A folder of modules with a released description of the catalog, altered by `change`.
    fn released(change: impl FnOnce(&mut ContractDescription)) -> tempfile::TempDir {
        let mut catalog = catalog();
        change(&mut catalog);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let files = folder.path().join("catalog/api/contract");
        std::fs::create_dir_all(&files).expect("it can be made");
        let text = serde_json::to_vec(&catalog).expect("it serializes");
        std::fs::write(files.join(format!("v{}.json", catalog.version)), text).expect("it can be written");
        folder
    }

    fn breaches_of_catalog(folder: &tempfile::TempDir) -> Vec<String> {
        let findings = compare(&[catalog()], folder.path()).expect("it can be read");
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
    fn a_version_older_than_a_released_one_is_a_breach() {
        let newer = released(|catalog| "1.9".clone_into(&mut catalog.version));
        let breaches = breaches_of_catalog(&newer);
        assert_eq!(breaches, ["1.9 was released before: raise the version"]);
    }

    #[test]
    fn a_release_writes_the_missing_description_once() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let states = |check| {
            let releases = release(&[catalog()], folder.path(), check).expect("the folder is writable");
            releases.iter().map(|release| release.state).collect::<Vec<_>>()
        };
        assert_eq!(states(true), [State::Missing]);
        assert_eq!(states(false), [State::Written]);
        assert!(breaches_of_catalog(&folder).is_empty());
        assert_eq!(states(false), [State::Released]);
        assert_eq!(states(true), [State::Released]);
    }

    #[test]
    fn a_folder_without_the_module_is_an_error_and_one_without_releases_is_none() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        assert!(compare(&[catalog()], folder.path()).is_err());
        std::fs::create_dir(folder.path().join("catalog")).expect("it can be made");
        let findings = compare(&[catalog()], folder.path()).expect("it can be read");
        assert!(findings[0].released.is_none());
    }
}
