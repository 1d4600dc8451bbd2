//! A module names its own tables only: in its code, and in its migrations.

use crate::file::File;
use crate::project::Project;
use crate::rules::sql::literals;
use crate::sql::{Word, statements};
use crate::tables::Tables;
use crate::tokens::Token;
use crate::violation::{Rule, Violation};

/// Statements by which names mean something else afterwards, or by which the module becomes somebody else: how they
/// begin (`*` is any word), and what they do.
const WAYS_OUT: [(&[&str], &str); 8] = [
    (
        &["set", "search_path"],
        "sets search_path: names mean other tables then",
    ),
    (
        &["set", "*", "search_path"],
        "sets search_path: names mean other tables then",
    ),
    (&["set", "role"], "becomes another role"),
    (&["set", "*", "role"], "becomes another role"),
    (&["reset", "role"], "becomes another role"),
    (&["set", "session", "authorization"], "becomes another role"),
    (&["reset", "session", "authorization"], "becomes another role"),
    (&["attach"], "attaches another database"),
];

pub(crate) fn in_code(project: &Project, file: &File, tokens: &[Token], tables: &Tables) -> Vec<Violation> {
    let Some(module) = project.layout.module_of_code(&file.path) else {
        return Vec::new();
    };
    let (inside, _) = literals(tokens, &project.layout.sql_macro);
    let mut found = Vec::new();
    for token in inside {
        for words in statements(token.literal.as_deref().unwrap_or_default()) {
            for Named { line, whose, .. } in named(&words, module, tables) {
                let message = format!("{module} {}", whose.after("reaches into"));
                found.push(Violation::new(file, token.line + line, Rule::ForeignTable, message));
            }
        }
    }
    found
}

pub(crate) fn in_migrations(project: &Project, file: &File, tables: &Tables) -> Vec<Violation> {
    let module = project.layout.module_of_migrations(&file.path);
    let Some(module) = module.filter(|_| file.path.ends_with(".sql")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for words in statements(&file.text) {
        let is_view = makes_a_view(&words);
        for Named {
            line,
            is_referred_to,
            whose,
        } in named(&words, module, tables)
        {
            let (rule, what) = match (is_referred_to, is_view) {
                (true, _) => (Rule::ForeignKey, "refers to"),
                (false, true) => (Rule::ForeignView, "makes a view of"),
                (false, false) => (Rule::ForeignTable, "reaches into"),
            };
            let message = format!("{module} {}", whose.after(what));
            found.push(Violation::new(file, line + 1, rule, message));
        }
    }
    found
}

/// Something that a statement names and should not.
struct Named<'a> {
    /// Counted from zero.
    line: usize,
    /// By a foreign key.
    is_referred_to: bool,
    whose: Whose<'a>,
}

enum Whose<'a> {
    Table { name: &'a str, owner: &'a str },
    Schema(&'a str),
    WayOut(&'static str),
}

impl Whose<'_> {
    /// The message, behind the module's name.
    fn after(&self, what: &str) -> String {
        match self {
            Whose::Table { name, owner } => format!("{what} {name} of {owner}"),
            Whose::Schema(name) => format!("{what} the schema {name}"),
            Whose::WayOut(what) => (*what).to_owned(),
        }
    }
}

fn named<'a>(words: &'a [Word], module: &str, tables: &'a Tables) -> Vec<Named<'a>> {
    let mut found = Vec::new();
    let begins = |way: &[&str]| {
        let mut pairs = way.iter().zip(words);
        words.len() >= way.len() && pairs.all(|(wanted, word)| *wanted == "*" || word.text == *wanted)
    };
    if let Some((_, what)) = WAYS_OUT.iter().find(|(way, _)| begins(way)) {
        found.push(Named {
            line: words[0].line,
            is_referred_to: false,
            whose: Whose::WayOut(what),
        });
    }
    for (place, word) in words.iter().enumerate() {
        let Some(owner) = tables.foreign(word, module) else {
            continue;
        };
        let name = word.text.as_str();
        let whose = if word.after == '.' {
            Whose::Schema(name)
        } else {
            Whose::Table { name, owner }
        };
        found.push(Named {
            line: word.line,
            is_referred_to: place > 0 && words[place - 1].text == "references",
            whose,
        });
    }
    found
}

fn makes_a_view(words: &[Word]) -> bool {
    let mut beginning = words.iter().take(5).map(|word| word.text.as_str());
    beginning.next() == Some("create") && beginning.any(|word| word == "view")
}
