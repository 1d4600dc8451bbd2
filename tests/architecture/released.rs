//! Released contract descriptions, `modules/<name>/api/contract/v<major>.<minor>.json`, are never edited and never
//! broken.
//!
//! `OFFSHOOT_BLESS=1` makes the test write the description of a version without a released description. An existing
//! file is never overwritten.

use std::env;
use std::fs;

use offshoot::wiring::descriptions;
use offshoot_contract::{ContractDescription, breaking_changes};

use crate::sources::{File, assert_no_violations, assert_violations, files, root};

fn contract_folder(module: &str) -> String {
    format!("modules/{module}/api/contract")
}

fn released_descriptions(files: &[File]) -> Vec<ContractDescription> {
    let descriptions = files.iter().filter(|file| {
        file.folder_below("modules/")
            .is_some_and(|module| file.path.starts_with(&format!("{}/", contract_folder(module))))
    });
    let read = |file: &File| -> ContractDescription {
        let description: ContractDescription =
            serde_json::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let path = format!("{}/v{}.json", contract_folder(&description.name), description.version);
        assert_eq!(file.path, path, "a released description is in the wrong file");
        description
    };
    descriptions.map(read).collect()
}

/// Parses major and minor for comparison.
fn parse_version(description: &ContractDescription) -> (u32, u32) {
    let parts = description
        .version
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parts.unwrap_or_else(|| panic!("`{}` is not a version", description.version))
}

fn compatibility_violations(released: &[ContractDescription], present: &[ContractDescription]) -> Vec<String> {
    let mut violations = Vec::new();
    for now in present {
        let name = format!("{} {}", now.name, now.version);
        let same_major = released
            .iter()
            .filter(|old| old.name == now.name && old.major() == now.major());
        let mut is_released = false;
        for old in same_major {
            let old_version = &old.version;
            violations.extend(
                breaking_changes(old, now)
                    .iter()
                    .map(|breach| format!("{name} breaks {old_version}: {breach}")),
            );
            if parse_version(old) > parse_version(now) {
                violations.push(format!("{name} is older than {old_version}, which was released"));
            }
            if old.version == now.version {
                is_released = true;
                if old.hash != now.hash {
                    violations.push(format!(
                        "{name} differs from the released description of this version: raise the minor"
                    ));
                }
            }
        }
        if !is_released {
            violations.push(format!(
                "{name} has no released description: run this test with OFFSHOOT_BLESS=1"
            ));
        }
    }
    violations
}

fn write_missing_descriptions(present: &[ContractDescription]) {
    for description in present {
        let folder = root().join(contract_folder(&description.name));
        fs::create_dir_all(&folder).expect("the folder is created");
        let mut text = serde_json::to_string_pretty(description).expect("a description serializes");
        text.push('\n');
        let file = fs::File::create_new(folder.join(format!("v{}.json", description.version)));
        if let Ok(mut file) = file {
            std::io::Write::write_all(&mut file, text.as_bytes()).expect("the file is writable");
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the store")]
fn released_contracts_are_not_broken() {
    let present = descriptions();
    assert!(!present.is_empty());
    if env::var_os("OFFSHOOT_BLESS").is_some() {
        write_missing_descriptions(&present);
    }
    assert_no_violations(&compatibility_violations(&released_descriptions(&files()), &present));
}

#[test]
fn a_breaking_change_of_a_contract_is_reported() {
    let catalog = descriptions()
        .into_iter()
        .find(|description| description.name == "catalog");
    let now = catalog.expect("the catalog has a description");
    let changed = |version: &str, change: fn(&mut ContractDescription)| {
        let mut description = now.clone();
        version.clone_into(&mut description.version);
        change(&mut description);
        description
    };
    let lost_a_method = changed("1.1", |old| {
        let mut method = old.methods[0].clone();
        "rename".clone_into(&mut method.name);
        old.methods.push(method);
    });
    let other_shape = changed("1.1", |old| "0".clone_into(&mut old.hash));

    assert_violations(
        &compatibility_violations(std::slice::from_ref(&now), std::slice::from_ref(&now)),
        &[],
    );
    assert_violations(
        &compatibility_violations(&[], std::slice::from_ref(&now)),
        &["has no released description"],
    );
    assert_violations(
        &compatibility_violations(&[lost_a_method], std::slice::from_ref(&now)),
        &["1.1: rename: the method was removed"],
    );
    assert_violations(
        &compatibility_violations(&[other_shape], std::slice::from_ref(&now)),
        &["raise the minor"],
    );
    let newer = changed("1.2", |_| {});
    assert_violations(
        &compatibility_violations(&[now.clone(), newer], &[now]),
        &["is older than 1.2"],
    );
}
