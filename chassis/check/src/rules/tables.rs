//! Table rule: a module's code and migrations may name only the module's own tables.

use crate::file::File;
use crate::project::Project;
use crate::rules::sql::literals;
use crate::sql::{Word, statements};
use crate::tables::Tables;
use crate::tokens::Token;
use crate::violation::{Rule, Violation};

/// Statements that escape the module's own schema or role: their first words (`*` is any word), and the message.
const ESCAPES: [(&[&str], &str); 8] = [
    (
        &["set", "search_path"],
        "changes search_path, so that names resolve to other tables",
    ),
    (
        &["set", "*", "search_path"],
        "changes search_path, so that names resolve to other tables",
    ),
    (&["set", "role"], "switches to another role"),
    (&["set", "*", "role"], "switches to another role"),
    (&["reset", "role"], "switches to another role"),
    (&["set", "session", "authorization"], "switches to another role"),
    (&["reset", "session", "authorization"], "switches to another role"),
    (&["attach"], "attaches another database"),
];

/// Finds references to other modules' tables, and escapes, in the SQL of a module's code.
pub(crate) fn find_in_code(project: &Project, file: &File, tokens: &[Token], tables: &Tables) -> Vec<Violation> {
    let Some(module) = project.layout.module_of_code(&file.path) else {
        return Vec::new();
    };
    let (inside, _) = literals(tokens, &project.layout.sql_macro);
    let mut found = Vec::new();
    for (token, _) in inside {
        for words in statements(token.literal.as_deref().unwrap_or_default()) {
            for Reference { line, target, .. } in find_references(&words, module, tables) {
                let message = format!("{module} {}", target.describe("accesses"));
                found.push(Violation::new(file, token.line + line, Rule::ForeignTable, message));
            }
        }
    }
    found
}

/// Finds references to other modules' tables, and escapes, in a module's migration.
pub(crate) fn find_in_migrations(project: &Project, file: &File, tables: &Tables) -> Vec<Violation> {
    let module = project.layout.module_of_migrations(&file.path);
    let Some(module) = module.filter(|_| file.path.ends_with(".sql")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for words in statements(&file.text) {
        let is_view = creates_view(&words);
        for Reference {
            line,
            is_foreign_key,
            target,
        } in find_references(&words, module, tables)
        {
            let (rule, verb) = match (is_foreign_key, is_view) {
                (true, _) => (Rule::ForeignKey, "references"),
                (false, true) => (Rule::ForeignView, "creates a view over"),
                (false, false) => (Rule::ForeignTable, "accesses"),
            };
            let message = format!("{module} {}", target.describe(verb));
            found.push(Violation::new(file, line + 1, rule, message));
        }
    }
    found
}

/// A forbidden reference in a statement.
struct Reference<'a> {
    /// Line, counted from zero.
    line: usize,
    /// Whether a foreign key makes the reference.
    is_foreign_key: bool,
    target: Target<'a>,
}

enum Target<'a> {
    Table { name: &'a str, owner: &'a str },
    Schema(&'a str),
    Escape(&'static str),
}

impl Target<'_> {
    /// The message after the module's name.
    fn describe(&self, verb: &str) -> String {
        match self {
            Target::Table { name, owner } => format!("{verb} table {name} of {owner}"),
            Target::Schema(name) => format!("{verb} schema {name}"),
            Target::Escape(message) => (*message).to_owned(),
        }
    }
}

fn find_references<'a>(words: &'a [Word], module: &str, tables: &'a Tables) -> Vec<Reference<'a>> {
    let mut found = Vec::new();
    let begins = |beginning: &[&str]| {
        let mut pairs = beginning.iter().zip(words);
        words.len() >= beginning.len() && pairs.all(|(wanted, word)| *wanted == "*" || word.text == *wanted)
    };
    if let Some((_, message)) = ESCAPES.iter().find(|(beginning, _)| begins(beginning)) {
        found.push(Reference {
            line: words[0].line,
            is_foreign_key: false,
            target: Target::Escape(message),
        });
    }
    for (index, word) in words.iter().enumerate() {
        let Some(owner) = tables.foreign(word, module) else {
            continue;
        };
        let name = word.text.as_str();
        let target = if word.after == '.' {
            Target::Schema(name)
        } else {
            Target::Table { name, owner }
        };
        found.push(Reference {
            line: word.line,
            is_foreign_key: index > 0 && words[index - 1].text == "references",
            target,
        });
    }
    found
}

fn creates_view(words: &[Word]) -> bool {
    let mut beginning = words.iter().take(5).map(|word| word.text.as_str());
    beginning.next() == Some("create") && beginning.any(|word| word == "view")
}
