//! Cargo manifests of modules and contracts: crate names and dependencies.

use crate::file::File;
use crate::project::Project;
use crate::violation::{Rule, Violation};

/// Dependency tables of a manifest, each with whether non-test code needs the entries.
const TABLES: [(&str, bool); 3] = [
    ("dependencies", true),
    ("build-dependencies", true),
    ("dev-dependencies", false),
];

/// Manifest of one crate of a module.
#[derive(Debug)]
pub(crate) struct Manifest<'a> {
    pub(crate) file: &'a File,
    pub(crate) module: &'a str,
    /// Whether the crate is the contract rather than the implementation.
    pub(crate) is_contract: bool,
    /// Name of the crate.
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
    unreadable: Option<Violation>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    /// Package name, also if the dependency is renamed.
    pub(crate) name: String,
    pub(crate) line: usize,
    /// Whether non-test code needs the dependency.
    pub(crate) is_needed: bool,
}

/// All manifests of a project's modules.
pub(crate) struct Manifests<'a>(pub(crate) Vec<Manifest<'a>>);

impl<'a> Manifest<'a> {
    pub(crate) fn read_all(project: &'a Project) -> Manifests<'a> {
        let read = |file: &'a File| {
            let module = project.layout.module_of_code(&file.path)?;
            let inside = file
                .path
                .strip_prefix(&format!("{}/{module}/", project.layout.modules))?;
            let is_contract = inside == format!("{}/Cargo.toml", project.layout.contract);
            (is_contract || inside == "Cargo.toml").then(|| Self::read(file, module, is_contract))
        };
        Manifests(project.files.iter().filter_map(read).collect())
    }

    fn read(file: &'a File, module: &'a str, is_contract: bool) -> Self {
        let (table, unreadable) = match file.text.parse::<toml::Table>() {
            Ok(table) => (table, None),
            Err(error) => {
                let before = error.span().map_or(0, |span| span.start).min(file.text.len());
                let line = 1 + file.text.bytes().take(before).filter(|byte| *byte == b'\n').count();
                let message = format!("not a valid manifest: {}", error.message());
                (
                    toml::Table::new(),
                    Some(Violation::new(file, line, Rule::Unreadable, message)),
                )
            }
        };
        let name = table.get("package").and_then(|package| package.get("name"));
        let name = name.and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let targets = table.get("target").and_then(toml::Value::as_table);
        let targets = targets
            .into_iter()
            .flat_map(|targets| targets.values().filter_map(toml::Value::as_table));
        let mut dependencies = Vec::new();
        for parent in std::iter::once(&table).chain(targets) {
            for (kind, is_needed) in TABLES {
                let listed = parent.get(kind).and_then(toml::Value::as_table);
                for (key, value) in listed.into_iter().flatten() {
                    let package = value.get("package").and_then(toml::Value::as_str);
                    dependencies.push(Dependency {
                        name: package.unwrap_or(key).to_owned(),
                        line: line_of(&file.text, kind, key),
                        is_needed,
                    });
                }
            }
        }
        Self {
            file,
            module,
            is_contract,
            name,
            dependencies,
            unreadable,
        }
    }
}

impl Manifests<'_> {
    pub(crate) fn unreadable(&self) -> Vec<Violation> {
        self.0
            .iter()
            .filter_map(|manifest| manifest.unreadable.clone())
            .collect()
    }
}

/// Line of a key in a dependency table, or of the table header that contains the key.
pub(crate) fn line_of(text: &str, table: &str, key: &str) -> usize {
    let mut inside = false;
    for (line, written) in (1..).zip(text.lines()) {
        let written = written.trim();
        if let Some(header) = written.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default();
            inside = header == table || header.ends_with(&format!(".{table}"));
            if header.ends_with(&format!("{table}.{key}")) {
                return line;
            }
        } else if inside
            && written
                .trim_start_matches('"')
                .strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=', '"']))
        {
            return line;
        }
    }
    1
}
