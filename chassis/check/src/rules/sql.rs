//! SQL rule: SQL is allowed only inside the SQL macro, where the other rules find the statements, and only in code with
//! data.

use crate::file::File;
use crate::project::Project;
use crate::sql::looks_like_sql;
use crate::tokens::Token;
use crate::violation::{Rule, Violation};

/// The engines that a text of the macro is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `sql!("..")`: one text for both engines.
    Shared,
    /// `sqlite: ".."`.
    Sqlite,
    /// `postgres: ".."`.
    Postgres,
}

/// Splits string literals into those inside the macro, with their dialect, and those outside.
pub(crate) fn literals<'a>(tokens: &'a [Token], sql_macro: &str) -> (Vec<(&'a Token, Dialect)>, Vec<&'a Token>) {
    let (mut depth, mut dialect) = (0_usize, Dialect::Shared);
    let mut last = ["", ""];
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for token in tokens {
        match token.text.as_str() {
            "(" | "{" | "[" if depth > 0 => depth += 1,
            "(" | "{" | "[" if last == [sql_macro, "!"] => (depth, dialect) = (1, Dialect::Shared),
            ")" | "}" | "]" if depth > 0 => depth -= 1,
            ":" if depth == 1 && last[1] == "sqlite" => dialect = Dialect::Sqlite,
            ":" if depth == 1 && last[1] == "postgres" => dialect = Dialect::Postgres,
            _ => {}
        }
        last = [last[1], token.text.as_str()];
        if token.literal.is_some() {
            if depth > 0 {
                inside.push((token, dialect));
            } else {
                outside.push(token);
            }
        }
    }
    (inside, outside)
}

/// Finds SQL outside of the macro, and SQL in code without data.
pub(crate) fn find_misplaced(project: &Project, file: &File, tokens: &[Token]) -> Vec<Violation> {
    let layout = &project.layout;
    let has_no_data = layout
        .without_data
        .iter()
        .any(|folder| file.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
    let is_module_source = layout.module_of_code(&file.path).is_some() && file.path.contains("/src/");
    if !has_no_data && !is_module_source {
        return Vec::new();
    }
    let name = &layout.sql_macro;
    let (inside, outside) = literals(tokens, name);
    let loose = outside
        .into_iter()
        .filter(|token| looks_like_sql(token.literal.as_deref().unwrap_or_default()));
    let mut found: Vec<_> = loose
        .map(|token| {
            let verb = token
                .literal
                .as_deref()
                .unwrap_or_default()
                .split_whitespace()
                .next()
                .unwrap_or_default();
            Violation::new(file, token.line, Rule::Sql, format!("{verb} outside of {name}!"))
        })
        .collect();
    if has_no_data {
        let in_macro = |(token, _): (&Token, Dialect)| {
            let message = format!("{name}! in code without data: call the module's contract instead");
            Violation::new(file, token.line, Rule::Sql, message)
        };
        found.extend(inside.into_iter().map(in_macro));
    }
    found
}
