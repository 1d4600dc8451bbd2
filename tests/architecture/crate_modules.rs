//! The modules of each crate, and the paths by which they name each other, read from the tokens of the sources.
//!
//! Knows no rule. Modules called `tests` and the paths of macros (`$crate::`) are left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{File, Token, tokens};

/// Root file of a library crate, below the folder of the crate's package.
const ROOT: &str = "src/lib.rs";
/// Modules of tests may name everything.
const TESTS: &str = "tests";
/// Longest chain of re-exports that is followed.
const REEXPORTS_MAX: usize = 8;

/// A module as the names that lead to it from the root of its crate. The root is empty.
pub(super) type Path = Vec<String>;

/// The modules of one crate. A module is a file or a folder; an inline module belongs to its file.
pub(super) struct Crate {
    /// Folder of the sources: `chassis/db/src`.
    pub(super) folder: String,
    modules: BTreeSet<Path>,
    /// Paths in the code of the crate, in the order of the files.
    pub(super) paths: Vec<NamedPath>,
    /// Items that a module imports, by module and name.
    imports: BTreeMap<(Path, String), Path>,
}

/// A path in the code of a module that leads into the same crate.
#[derive(Clone)]
pub(super) struct NamedPath {
    pub(super) file: String,
    pub(super) line: usize,
    /// The module that contains the path.
    pub(super) module: Path,
    /// The path from the root of the crate.
    pub(super) path: Path,
}

/// A path as written, relative to an inline module or a file.
struct WrittenPath {
    line: usize,
    scope: Path,
    path: Path,
    /// Name that the path gets in its scope, if the path is an import.
    import: Option<String>,
}

/// All library crates among `files`.
pub(super) fn crates(files: &[File]) -> Vec<Crate> {
    let roots = files.iter().filter_map(|file| file.path.strip_suffix(ROOT));
    let roots = roots.filter(|root| root.is_empty() || root.ends_with('/'));
    roots.map(|root| Crate::read(format!("{root}src"), files)).collect()
}

impl Crate {
    fn read(folder: String, files: &[File]) -> Self {
        let sources = files.iter().filter_map(|file| {
            let inside = file.path.strip_prefix(&folder)?.strip_prefix('/')?;
            Some((file, module_of_file(inside)?))
        });
        let sources: Vec<_> = sources.collect();
        let mut this = Self {
            folder,
            modules: sources.iter().map(|(_, module)| module.clone()).collect(),
            paths: Vec::new(),
            imports: BTreeMap::new(),
        };
        for (file, module) in &sources {
            for written in written_paths(&tokens(file), module) {
                let Some(path) = this.path_from_root(&written.scope, &written.path) else {
                    continue;
                };
                if let Some(name) = written.import {
                    this.imports.insert((written.scope, name), path.clone());
                }
                this.paths.push(NamedPath {
                    file: file.path.clone(),
                    line: written.line,
                    module: module.clone(),
                    path,
                });
            }
        }
        this
    }

    /// `None` if the path leads into another crate, or begins with a local name.
    fn path_from_root(&self, scope: &[String], path: &[String]) -> Option<Path> {
        let mut base = scope.to_vec();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &path[1..];
            }
            "self" | "super" => {
                while let Some(first @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if first == "super" {
                        base.pop()?;
                    }
                    rest = &rest[1..];
                }
            }
            _ => {
                let child = [scope, &path[..1]].concat();
                self.modules.contains(&child).then_some(())?;
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The path of the item that the crate's root imports under the name at the beginning of `path`, if there is one.
    pub(super) fn imported_by_root(&self, path: &[String]) -> Option<&Path> {
        let name = path.first()?;
        let is_module = self.modules.contains(&path[..1]);
        self.imports
            .get(&(Path::new(), name.clone()))
            .filter(|target| !is_module && target.len() > 1)
    }

    /// The module that defines the item at `path`. Follows re-exports.
    pub(super) fn defining_module(&self, path: &[String]) -> Path {
        let mut path = path.to_vec();
        for _ in 0..REEXPORTS_MAX {
            let depth = (0..=path.len())
                .rev()
                .find(|depth| self.modules.contains(&path[..*depth]));
            let depth = depth.unwrap_or_default();
            let name = path.get(depth);
            let import = name.and_then(|name| self.imports.get(&(path[..depth].to_vec(), name.clone())));
            let Some(import) = import else {
                path.truncate(depth);
                return path;
            };
            path = [import, &path[depth + 1..]].concat();
        }
        path
    }
}

/// The module of a source file; none for the root of a binary, for tests and for other files.
fn module_of_file(inside: &str) -> Option<Path> {
    let path = inside.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let module: Path = path.split('/').map(str::to_owned).collect();
    match path {
        "lib" => Some(Path::new()),
        "main" => None,
        _ if module.iter().any(|name| name == TESTS) => None,
        _ => Some(module),
    }
}

/// The paths in a file: each leaf of an import, and each path of two names or more outside of imports.
fn written_paths(tokens: &[Token], module: &[String]) -> Vec<WrittenPath> {
    let text = |place: usize| tokens.get(place).map_or("", |token| token.text.as_str());
    let is_separator = |place: usize| text(place) == ":" && text(place + 1) == ":";
    let mut found = Vec::new();
    // Inline modules, with the depth of braces at which each ends.
    let (mut inline, mut depth) = (Vec::<(String, usize)>::new(), 0);
    let mut place = 0;
    while place < tokens.len() {
        let scope = || {
            module
                .iter()
                .chain(inline.iter().map(|(name, _)| name))
                .cloned()
                .collect()
        };
        match text(place) {
            "mod" if text(place + 2) == "{" && text(place + 1) == TESTS => {
                place = end_of_block(tokens, place + 2);
                continue;
            }
            "mod" if text(place + 2) == "{" => inline.push((text(place + 1).to_owned(), depth)),
            "use" if text(place + 1) != "<" => {
                let (mut imports, scope) = (Vec::new(), scope());
                let rest = read_use_tree(&tokens[place + 1..], &[], &mut imports);
                found.extend(imports.into_iter().map(|(line, path, name)| WrittenPath {
                    line,
                    scope: Path::clone(&scope),
                    path,
                    import: Some(name),
                }));
                place = tokens.len() - rest.len();
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.pop_if(|(_, end)| *end == depth);
            }
            name if is_name(name) && is_separator(place + 1) => {
                let is_relative = place == 0 || text(place - 1) != "$" && !(place > 1 && is_separator(place - 2));
                let start = place;
                let mut path = vec![name.to_owned()];
                while is_separator(place + 1) && is_name(text(place + 3)) {
                    path.push(text(place + 3).to_owned());
                    place += 3;
                }
                if is_relative && path.len() > 1 {
                    found.push(WrittenPath {
                        line: tokens[start].line,
                        scope: scope(),
                        path,
                        import: None,
                    });
                }
            }
            _ => {}
        }
        place += 1;
    }
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// The place after the block that begins at `open`.
fn end_of_block(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return place + 1,
            "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Reads one tree of an import: line, path and name of each leaf. Returns the tokens after the tree.
fn read_use_tree<'a>(
    mut tokens: &'a [Token],
    prefix: &[String],
    found: &mut Vec<(usize, Path, String)>,
) -> &'a [Token] {
    let mut path = prefix.to_vec();
    while let Some((token, rest)) = tokens.split_first() {
        tokens = rest;
        match token.text.as_str() {
            "{" => {
                while tokens.first().is_some_and(|token| token.text != "}") {
                    tokens = read_use_tree(tokens, &path, found);
                    if tokens.first().is_some_and(|token| token.text == ",") {
                        tokens = &tokens[1..];
                    }
                }
                return tokens.get(1..).unwrap_or_default();
            }
            // A path that begins with `::` leads into another crate.
            ":" if path.is_empty() => path.push(String::new()),
            ":" => {}
            "*" => {
                found.push((token.line, path, "*".to_owned()));
                return tokens;
            }
            name => {
                if name != "self" || path.is_empty() {
                    path.push(name.to_owned());
                }
                if tokens.first().is_some_and(|token| token.text == ":") {
                    continue;
                }
                let mut name = path.last().cloned().unwrap_or_default();
                if let [word, renamed, rest @ ..] = tokens
                    && word.text == "as"
                {
                    name = renamed.text.clone();
                    tokens = rest;
                }
                found.push((token.line, path, name));
                return tokens;
            }
        }
    }
    tokens
}
