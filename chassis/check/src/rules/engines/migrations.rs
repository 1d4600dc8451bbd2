//! Migrations of the two engines: each has a twin, SQLite tables are strict, and keys of texts sort by bytes.

use std::collections::BTreeSet;

use crate::file::File;
use crate::project::Project;
use crate::sql::{Word, statements};
use crate::violation::{Rule, Violation};

/// The engines, as folders of migrations and as parts of their file names: `sqlite/0001.sql` or `0001.sqlite.sql`.
const ENGINES: [&str; 2] = ["sqlite", "postgres"];

pub(crate) fn find_in_migrations(project: &Project) -> Vec<Violation> {
    let migrations = project.files.iter().filter_map(|file| {
        let module = project.layout.module_of_migrations(&file.path)?;
        let engine = engine_of(&file.path).filter(|_| file.path.ends_with(".sql"))?;
        Some((module, engine, file))
    });
    let migrations: Vec<_> = migrations.collect();
    let uses_both = ENGINES
        .iter()
        .all(|engine| migrations.iter().any(|(_, one, _)| one == engine));
    let mut found = Vec::new();
    for (module, engine, file) in &migrations {
        let twin = twin_of(&file.path, engine);
        if uses_both && !migrations.iter().any(|(_, _, other)| other.path == twin) {
            let message = format!("{module} has no migration {twin}: write the same change for the other engine");
            found.push(Violation::new(file, 1, Rule::Engines, message));
        }
        let scripts = statements(&file.text);
        if *engine == "sqlite" {
            found.extend(find_lax_tables(file, &scripts));
        } else {
            found.extend(find_collated_keys(file, &scripts));
        }
    }
    found
}

/// Whether the migration at `path` is for Postgres.
pub(crate) fn is_of_postgres(path: &str) -> bool {
    engine_of(path) == Some("postgres")
}

fn engine_of(path: &str) -> Option<&'static str> {
    ENGINES
        .into_iter()
        .find(|engine| path.contains(&format!("/{engine}/")) || path.ends_with(&format!(".{engine}.sql")))
}

/// The same path for the other engine.
fn twin_of(path: &str, engine: &str) -> String {
    let other = if engine == ENGINES[0] { ENGINES[1] } else { ENGINES[0] };
    path.replace(&format!("/{engine}/"), &format!("/{other}/"))
        .replace(&format!(".{engine}.sql"), &format!(".{other}.sql"))
}

/// The name of the table that a statement creates, with the words that follow.
fn created_table(words: &[Word]) -> Option<(&Word, &[Word])> {
    let [create, table, rest @ ..] = words else { return None };
    if create.text != "create" || table.text != "table" {
        return None;
    }
    let is_condition = |word: &&Word| matches!(word.text.as_str(), "if" | "not" | "exists");
    let skipped = rest.iter().take_while(is_condition).count();
    rest[skipped..].split_first()
}

/// Tables of SQLite that take a value of any type in any column.
fn find_lax_tables(file: &File, scripts: &[Vec<Word>]) -> Vec<Violation> {
    let lax = scripts.iter().filter_map(|words| {
        let (name, rest) = created_table(words)?;
        let is_strict = rest.iter().any(|word| word.text == "strict");
        (!is_strict).then(|| {
            let message = format!(
                "table {} takes values of any type, which Postgres refuses: end the statement with STRICT",
                name.text
            );
            Violation::new(file, name.line + 1, Rule::Engines, message)
        })
    });
    lax.collect()
}

/// Columns of type text in keys and indexes on Postgres that sort by the database's collation.
fn find_collated_keys(file: &File, scripts: &[Vec<Word>]) -> Vec<Violation> {
    let mut found = Vec::new();
    for words in scripts {
        let Some((table, columns)) = created_table(words) else {
            continue;
        };
        let mut keys = keys_in_table(columns);
        keys.extend(scripts.iter().flat_map(|words| indexed_columns(words, &table.text)));
        for (place, pair) in columns.windows(2).enumerate() {
            let [name, kind] = pair else { continue };
            let after = columns.get(place + 2).map_or("", |word| word.text.as_str());
            if kind.text == "text" && after != "collate" && keys.contains(name.text.as_str()) {
                let message = format!(
                    "text column {} of a key sorts by the database's collation, and by bytes on SQLite: add COLLATE \"C\"",
                    name.text
                );
                found.push(Violation::new(file, name.line + 1, Rule::Engines, message));
            }
        }
    }
    found
}

/// Columns in `PRIMARY KEY (..)` and `UNIQUE (..)`, and columns that are keys themselves.
fn keys_in_table(columns: &[Word]) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    for (place, word) in columns.iter().enumerate() {
        let is_key = word.text == "unique" || (word.text == "key" && place > 0 && columns[place - 1].text == "primary");
        if is_key && word.after == '(' {
            keys.extend(list_after(&columns[place + 1..]));
        } else if is_key {
            // The column's name is the first word after the comma or bracket before.
            let begin = columns[..place]
                .iter()
                .rposition(|word| matches!(word.before, ',' | '('));
            keys.extend(begin.map(|begin| columns[begin].text.as_str()));
        }
    }
    keys
}

/// Columns of `CREATE INDEX .. ON table (..)`.
fn indexed_columns<'a>(words: &'a [Word], table: &str) -> Vec<&'a str> {
    let texts: Vec<_> = words.iter().take(3).map(|word| word.text.as_str()).collect();
    if texts.first() != Some(&"create") || !texts.contains(&"index") {
        return Vec::new();
    }
    let on = words
        .windows(2)
        .position(|pair| pair[0].text == "on" && pair[1].text == table);
    let columns = on.and_then(|on| {
        let begin = words[on + 1..].iter().position(|word| word.after == '(')?;
        words.get(on + begin + 2..)
    });
    columns.map_or_else(Vec::new, list_after)
}

/// Words up to the closing bracket.
fn list_after(words: &[Word]) -> Vec<&str> {
    let end = words
        .iter()
        .position(|word| word.after == ')')
        .map_or(words.len(), |end| end + 1);
    words[..end].iter().map(|word| word.text.as_str()).collect()
}
