//! Every `sql!` of a module, found in its sources and compared with what ran.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use offshoot_db::{Engine, recording};

/// The statements below `directory/src` that did not run, or of which no row was decoded, on one of `engines`.
pub(crate) fn unproven(directory: &Path, engines: &[Engine]) -> Vec<String> {
    let executed = recording::executed();
    let mut missing = Vec::new();
    for (file, line) in written(directory) {
        let name = file.display();
        for &engine in engines {
            let here = |path: &str| file.ends_with(relative(path));
            let mut runs = executed
                .iter()
                .filter(|run| run.line == line && run.engine == engine && here(run.file));
            match runs.next() {
                None => missing.push(format!("{name}:{line} never ran on {engine}")),
                Some(first) if !first.decoded && !runs.any(|run| run.decoded) => {
                    missing.push(format!("{name}:{line} never answered a row on {engine}"));
                }
                Some(_) => {}
            }
        }
    }
    missing
}

/// The compiler names a file from the workspace's root or the package's, as it was called.
fn relative(path: &str) -> PathBuf {
    let parts: Vec<_> = Path::new(path).components().collect();
    parts[parts.len().saturating_sub(3)..].iter().collect()
}

fn written(directory: &Path) -> BTreeSet<(PathBuf, u32)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![directory.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a module has sources")
            .filter_map(Result::ok)
        {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let lines = (1_u32..).zip(text.lines());
                let calls = lines.filter(|(_, line)| line.contains("sql!(") && !line.trim_start().starts_with("//"));
                found.extend(calls.map(|(number, _)| (path.clone(), number)));
            }
        }
    }
    found
}
