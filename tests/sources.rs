//! The project's own files as data, so that a rule is a function of them and can be shown to fail on planted ones.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Kinds of files that people write.
const KINDS: [&str; 7] = ["rs", "toml", "md", "sql", "json", "sh", "py"];
/// Folders that hold nothing written: what cargo builds, what git keeps, what a store leaves behind.
const NOT_OURS: [&str; 3] = ["target", ".git", "data"];

/// A text file of the project.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// From the project's root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The folder's name behind `parent`: `catalog` of `modules/catalog/src/lib.rs` behind `modules/`.
    pub(crate) fn behind(&self, parent: &str) -> Option<&str> {
        self.path.strip_prefix(parent)?.split('/').next()
    }
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests are a folder of the project")
        .to_owned()
}

/// Every text file of the project, in order of path.
pub(crate) fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    assert!(files.len() > 100, "these are not the project's files");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let path = entry.expect("a folder of the project can be read").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("names are UTF-8")
            .to_owned();
        let from_root = format!("{prefix}{name}");
        if path.is_dir() {
            if !(NOT_OURS.contains(&name.as_str()) && prefix.is_empty()) {
                collect(&path, &format!("{from_root}/"), files);
            }
        } else if KINDS.contains(&from_root.rsplit('.').next().unwrap_or_default()) || prefix == ".ci/" {
            files.push(File::new(
                &from_root,
                &fs::read_to_string(&path).expect("people write UTF-8"),
            ));
        }
    }
}

/// A word, sign or literal of Rust source. Comments and attributes, doc comments among them, are none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// The value, if it is a literal text.
    pub(crate) literal: Option<String>,
}

/// The tokens of Rust source in order, brackets included.
pub(crate) fn tokens(file: &File) -> Vec<Token> {
    let stream: TokenStream = file
        .text
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", file.path));
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    let mut after_hash = false;
    for tree in stream {
        let sign = |text: &str, span: proc_macro2::Span| Token {
            line: span.start().line,
            text: text.to_owned(),
            literal: None,
        };
        let is_hash =
            matches!(&tree, TokenTree::Punct(punct) if matches!((punct.as_char(), after_hash), ('#', _) | ('!', true)));
        match tree {
            TokenTree::Group(group) if after_hash && group.delimiter() == Delimiter::Bracket => {}
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                into.push(sign(open, group.span_open()));
                flatten(group.stream(), into);
                into.push(sign(close, group.span_close()));
            }
            TokenTree::Literal(literal) => {
                let mut token = sign(&literal.to_string(), literal.span());
                if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                    token.literal = Some(text.value());
                }
                into.push(token);
            }
            other => into.push(sign(&other.to_string(), other.span())),
        }
        after_hash = is_hash;
    }
}

/// Fails the test with everything that breaks its rule.
#[track_caller]
pub(crate) fn keeps(violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{} violations:\n  {}",
        violations.len(),
        violations.join("\n  ")
    );
}

/// The twin of a rule: sees that it finds what was planted, each of `expected` once and nothing else.
#[track_caller]
pub(crate) fn catches(violations: &[String], expected: &[&str]) {
    let found = violations
        .iter()
        .zip(expected)
        .all(|(found, part)| found.contains(part));
    assert!(
        found && violations.len() == expected.len(),
        "found {violations:#?}, expected {expected:#?}"
    );
}
