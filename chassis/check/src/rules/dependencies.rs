//! Dependency rules: modules depend only on the contracts of other modules, and without cycles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::manifest::{Dependency, Manifest, Manifests};
use crate::violation::{Rule, Violation};

/// Finds dependencies of a module or contract on another module's implementation. Dev-dependencies count: without the
/// other implementation the module's tests would not compile. A contract must not depend on its own implementation.
pub(crate) fn find_implementation_dependencies(manifests: &Manifests<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for manifest in &manifests.0 {
        let is_foreign =
            |other: &&Manifest<'_>| !other.is_contract && (other.module != manifest.module || manifest.is_contract);
        for dependency in &manifest.dependencies {
            let implementation = manifests.0.iter().find(|other| other.name == dependency.name);
            if let Some(other) = implementation.filter(is_foreign) {
                let message = format!(
                    "{} depends on {}, the implementation of {}: depend on its contract",
                    manifest.name, other.name, other.module
                );
                found.push(Violation::new(
                    manifest.file,
                    dependency.line,
                    Rule::Implementation,
                    message,
                ));
            }
        }
    }
    found
}

/// Callees of each module, with the manifest and dependency that declare the call.
type Calls<'a> = BTreeMap<&'a str, BTreeMap<&'a str, (&'a Manifest<'a>, &'a Dependency)>>;

/// Finds dependency cycles. Each cycle is reported once, as a path, at the manifest of its first module.
pub(crate) fn find_cycles(manifests: &Manifests<'_>) -> Vec<Violation> {
    let mut calls = Calls::new();
    for manifest in &manifests.0 {
        for dependency in manifest.dependencies.iter().filter(|dependency| dependency.is_needed) {
            let called = manifests.0.iter().find(|other| other.name == dependency.name);
            if let Some(called) = called.filter(|called| called.module != manifest.module) {
                let callees = calls.entry(manifest.module).or_default();
                callees.entry(called.module).or_insert((manifest, dependency));
            }
        }
    }
    let mut reported = BTreeSet::new();
    let mut found = Vec::new();
    for first in calls.keys() {
        let Some(path) = shortest_cycle(&calls, first) else {
            continue;
        };
        let members: BTreeSet<_> = path.iter().copied().collect();
        if !reported.insert(members) {
            continue;
        }
        let (manifest, dependency) = calls[first][path[1 % path.len()]];
        let message = format!(
            "modules depend on each other in a cycle: {} -> {first}",
            path.join(" -> ")
        );
        found.push(Violation::new(manifest.file, dependency.line, Rule::Cycle, message));
    }
    found
}

/// The shortest path from `first` back to itself, without the repeated end.
fn shortest_cycle<'a>(calls: &Calls<'a>, first: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from = BTreeMap::<&str, &str>::new();
    let mut next = VecDeque::from([first]);
    while let Some(module) = next.pop_front() {
        for callee in calls.get(module).into_iter().flat_map(BTreeMap::keys) {
            if *callee == first {
                let mut path = vec![module];
                while let Some(before) = came_from.get(path[path.len() - 1]) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if !came_from.contains_key(callee) {
                came_from.insert(callee, module);
                next.push_back(callee);
            }
        }
    }
    None
}
