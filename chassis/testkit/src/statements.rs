//! Statement coverage: compares every `sql!` in a module's sources with the executed statements.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use offshoot_db::{Engine, statement_coverage};

/// Statements below `directory/src` that never ran, or never returned a row, on one of `engines`.
pub(crate) fn find_unexecuted(directory: &Path, engines: &[Engine]) -> Vec<String> {
    let executed = statement_coverage::executed();
    let mut missing = Vec::new();
    for (file, line) in find_sql_calls(directory) {
        let name = file.display();
        for &engine in engines {
            let here = |path: &str| file.ends_with(relative(path));
            let mut runs = executed
                .iter()
                .filter(|run| run.line == line && run.engine == engine && here(run.file));
            match runs.next() {
                None => missing.push(format!("{name}:{line} never ran on {engine}")),
                Some(first) if !first.decoded && !runs.any(|run| run.decoded) => {
                    missing.push(format!("{name}:{line} never returned a row on {engine}"));
                }
                Some(_) => {}
            }
        }
    }
    missing
}

/// Last three components of a path: the compiler names files relative to the workspace or to the package.
fn relative(path: &str) -> PathBuf {
    let parts: Vec<_> = Path::new(path).components().collect();
    parts[parts.len().saturating_sub(3)..].iter().collect()
}

fn find_sql_calls(directory: &Path) -> BTreeSet<(PathBuf, u32)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![directory.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("the source folder is readable")
            .filter_map(Result::ok)
        {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let lines = (1_u32..).zip(text.lines());
                let calls = lines.filter(|(_, line)| line.contains("sql!(") && !line.trim_start().starts_with("//"));
                found.extend(calls.map(|(number, _)| (path.clone(), number)));
            }
        }
    }
    found
}
