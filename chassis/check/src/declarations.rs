//! Declarations of an application: the lines of `modules!` and `origins!` in one file. Reads them, and judges nothing.
//!
//! ```text
//! modules! {
//!     trips: trips_api::v1::TripsApi, "trips", "trips-stub", calls [boats], subscribes_to [depot];
//! }
//! origins! {
//!     public: calls [depot, trips];
//! }
//! ```

use crate::file::File;
use crate::project::Project;
use crate::tokens::{Token, tokenize};
use crate::violation::{Rule, Violation};

/// One line of a declaring macro: a module, or an origin of requests.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// Line in the file, counted from one.
    pub(crate) line: usize,
    /// Path of the contract's trait; empty for an origin.
    pub(crate) contract: String,
    /// Feature of the implementation, then feature of the stub; empty for an origin.
    pub(crate) features: Vec<String>,
    pub(crate) calls: Vec<String>,
    pub(crate) subscribes_to: Vec<String>,
}

impl Declared {
    /// Modules that this line calls or subscribes to.
    pub(crate) fn edges(&self) -> impl Iterator<Item = &String> {
        self.calls.iter().chain(&self.subscribes_to)
    }
}

/// A declaring macro.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) lines: Vec<Declared>,
    /// Line of the closing brace, before which a new line goes.
    pub(crate) end: usize,
}

impl Block {
    pub(crate) fn find(&self, name: &str) -> Option<&Declared> {
        self.lines.iter().find(|declared| declared.name == name)
    }
}

/// All declarations of an application.
#[derive(Debug)]
pub(crate) struct Declarations<'a> {
    pub(crate) file: &'a File,
    pub(crate) modules: Block,
    pub(crate) origins: Block,
    /// Lines that cannot be read.
    pub(crate) unreadable: Vec<Violation>,
}

impl<'a> Declarations<'a> {
    /// Reads the declarations. `None` without a file of declarations, or without `modules!` in that file.
    pub(crate) fn read(project: &'a Project) -> Option<Self> {
        let path = &project.layout.declarations;
        let file = project.files.iter().find(|file| file.path == *path)?;
        let tokens = tokenize(file).ok()?;
        let mut unreadable = Vec::new();
        let modules = read_block(file, &tokens, "modules", &mut unreadable)?;
        let origins = read_block(file, &tokens, "origins", &mut unreadable).unwrap_or(Block {
            lines: Vec::new(),
            end: modules.end,
        });
        Some(Self {
            file,
            modules,
            origins,
            unreadable,
        })
    }

    /// A violation at a line of the file of declarations.
    pub(crate) fn violation(&self, line: usize, message: String) -> Violation {
        Violation::new(self.file, line, Rule::Declaration, message)
    }
}

/// Reads the macro call `name! { .. }`; `None` if there is none.
fn read_block(file: &File, tokens: &[Token], name: &str, unreadable: &mut Vec<Violation>) -> Option<Block> {
    let is_call = |tokens: &[Token]| tokens[0].text == name && tokens[1].text == "!" && tokens[2].text == "{";
    let begin = tokens.windows(3).position(is_call)? + 3;
    let mut block = Block::default();
    let mut depth = 0_usize;
    let mut line = Vec::new();
    for token in &tokens[begin..] {
        match token.text.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" if depth == 0 => {
                block.end = token.line;
                break;
            }
            "}" | "]" | ")" => depth -= 1,
            _ => {}
        }
        if token.text == ";" && depth == 0 {
            read_line(file, name, &line, &mut block, unreadable);
            line.clear();
        } else {
            line.push(token);
        }
    }
    if !line.is_empty() {
        read_line(file, name, &line, &mut block, unreadable);
    }
    Some(block)
}

fn read_line(file: &File, name: &str, tokens: &[&Token], block: &mut Block, unreadable: &mut Vec<Violation>) {
    let Some(first) = tokens.first() else { return };
    match parse_line(tokens).filter(|declared| name != "modules" || declared.features.len() == 2) {
        Some(declared) => block.lines.push(declared),
        None => {
            let form = if name == "modules" {
                "name: path::of::Contract, \"feature\", \"stub-feature\", calls [..], subscribes_to [..];"
            } else {
                "name: calls [..];"
            };
            let message = format!("not a valid line of {name}!, which has the form `{form}`");
            unreadable.push(Violation::new(file, first.line, Rule::Unreadable, message));
        }
    }
}

/// `name: part, part, ..`, where a part is a path, a string, or a keyword with a list in brackets.
fn parse_line(tokens: &[&Token]) -> Option<Declared> {
    let [name, colon, rest @ ..] = tokens else { return None };
    let mut declared = Declared {
        name: name.text.clone(),
        line: name.line,
        contract: String::new(),
        features: Vec::new(),
        calls: Vec::new(),
        subscribes_to: Vec::new(),
    };
    let mut rest = rest;
    while !rest.is_empty() {
        let mut depth = 0_usize;
        let comma = rest.iter().position(|token| {
            match token.text.as_str() {
                "[" => depth += 1,
                "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            token.text == "," && depth == 0
        });
        let (part, after) = rest.split_at(comma.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        match part {
            [text] if text.literal.is_some() => declared.features.extend(text.literal.clone()),
            [keyword, open, list @ .., close] if open.text == "[" && close.text == "]" => {
                let names = list.iter().filter(|token| token.text != ",");
                let names = names.map(|token| token.text.clone());
                match keyword.text.as_str() {
                    "calls" => declared.calls.extend(names),
                    "subscribes_to" => declared.subscribes_to.extend(names),
                    _ => return None,
                }
            }
            path if declared.contract.is_empty() && !path.is_empty() => {
                declared.contract = path.iter().map(|token| token.text.as_str()).collect();
            }
            _ => return None,
        }
    }
    (colon.text == ":").then_some(declared)
}
