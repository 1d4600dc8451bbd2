//! What was released of a contract is kept: `modules/<name>/api/contract/v<major>.<minor>.json`, never edited.
//!
//! A version is released by running this test with `OFFSHOOT_BLESS=1`, which writes the file of the present version
//! where there is none and never writes over one.

use std::env;
use std::fs;

use offshoot::wiring::descriptions;
use offshoot_contract::{ContractDescription, breaches};

use crate::sources::{File, catches, files, keeps, root};

fn folder(module: &str) -> String {
    format!("modules/{module}/api/contract")
}

fn released(files: &[File]) -> Vec<ContractDescription> {
    let descriptions = files.iter().filter(|file| {
        file.behind("modules/")
            .is_some_and(|module| file.path.starts_with(&format!("{}/", folder(module))))
    });
    let read = |file: &File| -> ContractDescription {
        let description: ContractDescription =
            serde_json::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let path = format!("{}/v{}.json", folder(&description.name), description.version);
        assert_eq!(file.path, path, "a released description has its place");
        description
    };
    descriptions.map(read).collect()
}

/// Major and minor as numbers, to be compared.
fn version(description: &ContractDescription) -> (u32, u32) {
    let parts = description
        .version
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parts.unwrap_or_else(|| panic!("`{}` is no version", description.version))
}

fn broken(released: &[ContractDescription], present: &[ContractDescription]) -> Vec<String> {
    let mut violations = Vec::new();
    for now in present {
        let name = format!("{} {}", now.name, now.version);
        let of_this = released
            .iter()
            .filter(|old| old.name == now.name && old.major() == now.major());
        let mut is_released = false;
        for old in of_this {
            let before = &old.version;
            violations.extend(
                breaches(old, now)
                    .iter()
                    .map(|breach| format!("{name} breaks {before}: {breach}")),
            );
            if version(old) > version(now) {
                violations.push(format!("{name} is older than {before}, which was released"));
            }
            if old.version == now.version {
                is_released = true;
                if old.hash != now.hash {
                    violations.push(format!(
                        "{name} is not what was released under this version: raise the minor"
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

fn release(present: &[ContractDescription]) {
    for description in present {
        let folder = root().join(folder(&description.name));
        fs::create_dir_all(&folder).expect("the module has a folder");
        let mut text = serde_json::to_string_pretty(description).expect("a description is JSON");
        text.push('\n');
        let file = fs::File::create_new(folder.join(format!("v{}.json", description.version)));
        if let Ok(mut file) = file {
            std::io::Write::write_all(&mut file, text.as_bytes()).expect("the file can be written");
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the store")]
fn what_was_released_is_kept() {
    let present = descriptions();
    assert!(!present.is_empty());
    if env::var_os("OFFSHOOT_BLESS").is_some() {
        release(&present);
    }
    keeps(&broken(&released(&files()), &present));
}

#[test]
fn a_contract_that_breaks_its_callers_is_found() {
    let catalog = descriptions()
        .into_iter()
        .find(|description| description.name == "catalog");
    let now = catalog.expect("there is a catalog");
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

    catches(&broken(std::slice::from_ref(&now), std::slice::from_ref(&now)), &[]);
    catches(
        &broken(&[], std::slice::from_ref(&now)),
        &["has no released description"],
    );
    catches(
        &broken(&[lost_a_method], std::slice::from_ref(&now)),
        &["1.1: rename: the method is gone"],
    );
    catches(
        &broken(&[other_shape], std::slice::from_ref(&now)),
        &["raise the minor"],
    );
    let newer = changed("1.2", |_| {});
    catches(&broken(&[now.clone(), newer], &[now]), &["is older than 1.2"]);
}
