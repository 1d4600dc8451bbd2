//! The modules of a crate form no cycle: neither the files and folders below `src`, nor the files within a folder.
//!
//! A folder and the files in it are no cycle: a parent may name its children, and they may name it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::crate_modules::{Crate, crates};
use crate::sources::{File, assert_no_violations, assert_violations, files};

/// Modules in one folder: which module names which, with the lines that do.
type Graph = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The modules of each folder of a crate. A path between two folders counts for the folder that contains both.
fn graphs(of: &Crate) -> BTreeMap<String, Graph> {
    let mut graphs = BTreeMap::<String, Graph>::new();
    for named in &of.paths {
        let target = of.defining_module(&named.path);
        let common = named.module.iter().zip(&target).take_while(|(a, b)| a == b).count();
        if let (Some(from), Some(to)) = (named.module.get(common), target.get(common)) {
            let folder = [std::slice::from_ref(&of.folder), &target[..common]].concat().join("/");
            let lines = graphs.entry(folder).or_default().entry(from.clone()).or_default();
            let line = format!("{}:{} names {}", named.file, named.line, named.path.join("::"));
            lines.entry(to.clone()).or_default().push(line);
        }
    }
    graphs
}

fn cycle_violations(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for (folder, graph) in crates(files).iter().flat_map(graphs) {
        let mut reported = BTreeSet::new();
        for first in graph.keys() {
            let Some(cycle) = shortest_cycle(&graph, first) else {
                continue;
            };
            if !reported.insert(cycle.iter().copied().collect::<BTreeSet<_>>()) {
                continue;
            }
            let mut violation = format!(
                "{folder}: {} -> {first} is a cycle: move what both sides need into a module below both",
                cycle.join(" -> ")
            );
            for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
                for line in &graph[*from][*to] {
                    violation += &format!("\n      {line}");
                }
            }
            violations.push(violation);
        }
    }
    violations
}

/// The shortest path from `first` back to itself, without the repeated end.
fn shortest_cycle<'a>(graph: &'a Graph, first: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from = BTreeMap::<&str, &str>::new();
    let mut next = VecDeque::from([first]);
    while let Some(module) = next.pop_front() {
        for named in graph.get(module).into_iter().flat_map(BTreeMap::keys) {
            if named == first {
                let mut path = vec![module];
                while let Some(before) = came_from.get(path[path.len() - 1]) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if !came_from.contains_key(named.as_str()) {
                came_from.insert(named, module);
                next.push_back(named);
            }
        }
    }
    None
}

#[test]
fn the_modules_of_a_crate_form_no_cycle() {
    let files = files();
    let folders: Vec<_> = crates(&files).into_iter().map(|each| each.folder).collect();
    for known in [
        "app/src",
        "app/import/src",
        "chassis/db/src",
        "modules/carts/src",
        "modules/carts/api/src",
    ] {
        assert!(folders.iter().any(|folder| folder == known), "{folders:?}");
    }
    assert_no_violations(&cycle_violations(&files));
}

#[test]
fn a_cycle_is_reported_with_the_lines_that_make_it() {
    let planted = [
        File::new(
            "chassis/db/src/lib.rs",
            "mod begin; mod key; mod tx;\npub use crate::key::Key;",
        ),
        // Through a re-export of the root.
        File::new("chassis/db/src/begin.rs", "use std::fmt;\nuse crate::{Key};"),
        File::new("chassis/db/src/key.rs", "\n\nfn f() -> super::begin::Reply {}"),
        File::new(
            "chassis/db/src/tx.rs",
            "use crate::begin::{self, Reply};\n#[cfg(test)]\nmod tests { use super::*; use crate::key; }",
        ),
        // A folder and its files, and files of a folder.
        File::new("modules/carts/src/lib.rs", "mod store;"),
        File::new(
            "modules/carts/src/store.rs",
            "mod lines; mod prices; use self::lines::Line; pub struct Cart;",
        ),
        File::new(
            "modules/carts/src/store/lines.rs",
            "use super::Cart;\nuse crate::store::prices::Price as Amount;",
        ),
        File::new(
            "modules/carts/src/store/prices.rs",
            "mod inline {\n    use super::super::lines;\n}",
        ),
    ];
    assert_violations(
        &cycle_violations(&planted),
        &[
            "chassis/db/src: begin -> key -> begin is a cycle: move what both sides need into a module below both\
             \n      chassis/db/src/begin.rs:2 names Key\
             \n      chassis/db/src/key.rs:3 names begin::Reply",
            "modules/carts/src/store: lines -> prices -> lines is a cycle: move what both sides need into a module below \
             both\
             \n      modules/carts/src/store/lines.rs:2 names store::prices::Price\
             \n      modules/carts/src/store/prices.rs:2 names store::lines",
        ],
    );
}

#[test]
fn modules_that_name_each_other_only_in_tests_docs_and_macros_form_no_cycle() {
    let planted = [
        File::new("app/demo/src/lib.rs", "mod a; mod b;"),
        File::new("app/demo/src/a.rs", "use crate::b::B;"),
        File::new(
            "app/demo/src/b.rs",
            "//! [`A`](crate::a::A)\nmacro_rules! m { () => { $crate::a::A } }\nmod tests { use crate::a::A; }\n\
             fn f() { \"crate::a::A\"; other::crate_a::A }",
        ),
        File::new("app/demo/src/b/tests.rs", "use crate::a::A;"),
    ];
    assert_no_violations(&cycle_violations(&planted));
}
