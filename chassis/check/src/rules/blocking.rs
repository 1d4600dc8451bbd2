//! Blocking rule: a migration of a Postgres table that has rows must not keep readers or writers out while it reads or writes
//! all of them.
//!
//! Tables that the same migration creates are empty, and exempt. Knows words only: a change of type that Postgres makes
//! without work is found too, and allowed with that reason.

use std::collections::BTreeSet;

use crate::file::File;
use crate::project::Project;
use crate::rules::engines::is_of_postgres;
use crate::sql::{Word, statements};
use crate::violation::{Rule, Violation};

/// Second line of a migration that runs outside of a transaction.
const WITHOUT_TRANSACTION: &str = "-- offshoot: without transaction";
/// First words of the actions of `ALTER TABLE`.
const ACTIONS: [&str; 8] = ["add", "alter", "attach", "detach", "drop", "rename", "set", "validate"];
/// Words after `ADD` that begin a constraint, and not a column.
const CONSTRAINTS: [&str; 6] = ["check", "constraint", "exclude", "foreign", "primary", "unique"];
/// Functions with another value in each row, and types that call one. As a default they write every row.
const VOLATILE: [&str; 9] = [
    "clock_timestamp",
    "gen_random_uuid",
    "nextval",
    "random",
    "uuidv7",
    "generated",
    "bigserial",
    "serial",
    "smallserial",
];

pub(crate) fn find_in_migrations(project: &Project) -> Vec<Violation> {
    let migrations = project
        .files
        .iter()
        .filter(|file| project.layout.module_of_migrations(&file.path).is_some() && is_of_postgres(&file.path));
    migrations.flat_map(find_in_migration).collect()
}

fn find_in_migration(file: &File) -> Vec<Violation> {
    let scripts = statements(&file.text);
    let created: BTreeSet<_> = scripts.iter().filter_map(|words| created_table(words)).collect();
    let is_in_transaction = file.text.lines().nth(1).map(str::trim_end) != Some(WITHOUT_TRANSACTION);
    let adds_unchecked = scripts.iter().any(|words| contains(words, &["not", "valid"]));
    let mut found = Vec::new();
    for (place, words) in scripts.iter().enumerate() {
        let mut report = |word: &Word, message: String| {
            found.push(Violation::new(file, word.line + 1, Rule::Blocking, message));
        };
        match texts(words).as_slice() {
            ["alter", "table", ..] => {
                let Some((table, actions)) = table_and_rest(&words[2..]).filter(|(table, _)| !created.contains(table))
                else {
                    continue;
                };
                for action in split_actions(actions) {
                    if let Some(message) = find_in_action(table, action, adds_unchecked) {
                        report(&action[0], message);
                    }
                }
            }
            ["create", "index", ..] | ["create", "unique", "index", ..] => {
                let before = &scripts[..place];
                if let Some(message) = find_in_index(words, &created, before, is_in_transaction) {
                    report(&words[0], message);
                }
            }
            ["cluster" | "reindex", ..] | ["vacuum", "full", ..] | ["refresh", "materialized", ..]
                if !contains(words, &["concurrently"]) =>
            {
                let message = format!(
                    "{} locks all readers out until it is done: leave it out, or do it CONCURRENTLY",
                    words[0].text
                );
                report(&words[0], message);
            }
            ["lock", ..] => report(
                &words[0],
                "lock keeps others out until the migration ends: leave it out".to_owned(),
            ),
            _ => {}
        }
    }
    found
}

/// Message about one action of `ALTER TABLE`.
fn find_in_action(table: &str, action: &[Word], adds_unchecked: bool) -> Option<String> {
    let has = |phrase: &[&str]| contains(action, phrase);
    let message = match texts(action).as_slice() {
        ["add", word, ..] if CONSTRAINTS.contains(word) => {
            if has(&["not", "valid"]) || has(&["using", "index"]) {
                return None;
            }
            "a constraint on {table} reads all rows under a lock: add it NOT VALID and validate it in a later migration, or make \
             a unique index CONCURRENTLY and add it USING INDEX"
        }
        ["add", ..] if has(&["generated"]) || action.iter().any(is_volatile) => {
            "a column with another value in each row of {table} writes all rows under a lock: add it without a default, fill it \
             in parts, then set the default"
        }
        ["add", ..] if has(&["not", "null"]) && !has(&["default"]) => {
            "a NOT NULL column without a default fails on the rows of {table}: give a constant default, or let it be null"
        }
        ["add", ..] if has(&["unique"]) || has(&["primary", "key"]) => {
            "a key on {table} makes an index under a lock: add the column, then make the index CONCURRENTLY"
        }
        ["alter", "column", _, change @ ..] | ["alter", _, change @ ..] if changes_type(change) => {
            "another type of a column of {table} writes all rows under a lock: add a column, fill it in parts, then use it"
        }
        ["alter", ..] if has(&["set", "not", "null"]) => {
            "SET NOT NULL on {table} reads all rows under a lock: validate a CHECK (.. IS NOT NULL) in a migration before, and \
             allow this line with that reason"
        }
        ["validate", ..] if adds_unchecked => {
            "a constraint on {table} is validated under the lock that added it: validate it in a later migration"
        }
        ["set", "logged" | "unlogged" | "tablespace" | "access", ..] => "this writes all rows of {table} under a lock",
        _ => return None,
    };
    Some(message.replace("{table}", table))
}

/// Whether the words after a column's name are `TYPE ..` or `SET DATA TYPE ..`.
fn changes_type(words: &[&str]) -> bool {
    matches!(words, ["type", ..] | ["set", "data", "type", ..])
}

fn is_volatile(word: &Word) -> bool {
    VOLATILE.contains(&word.text.as_str()) && (word.after == '(' || word.text.ends_with("serial"))
}

/// Message about `CREATE INDEX`.
fn find_in_index(
    words: &[Word],
    created: &BTreeSet<&str>,
    before: &[Vec<Word>],
    is_in_transaction: bool,
) -> Option<String> {
    let on = words.iter().position(|word| word.text == "on")?;
    let (table, _) = table_and_rest(&words[on + 1..])?;
    if !contains(words, &["concurrently"]) {
        return (!created.contains(table)).then(|| {
            format!(
                "an index on {table} keeps writers out until it is made: make it CONCURRENTLY, in a migration with the second \
                 line `{WITHOUT_TRANSACTION}`"
            )
        });
    }
    let name = &words[on - 1].text;
    let drop = ["drop", "index", "concurrently", "if", "exists", name];
    let is_dropped_first = before.iter().any(|words| texts(words) == drop);
    if is_in_transaction {
        Some(format!(
            "Postgres refuses CONCURRENTLY in a transaction: write `{WITHOUT_TRANSACTION}` as the second line"
        ))
    } else if !is_dropped_first {
        Some(format!(
            "after a crash the index {name} exists and is not usable: write DROP INDEX CONCURRENTLY IF EXISTS {name} before"
        ))
    } else {
        None
    }
}

/// The words as texts.
fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

fn contains(words: &[Word], phrase: &[&str]) -> bool {
    let is_phrase = |window: &[Word]| window.iter().zip(phrase).all(|(word, text)| word.text == *text);
    words.windows(phrase.len()).any(is_phrase)
}

fn created_table(words: &[Word]) -> Option<&str> {
    let table = words.iter().take(4).position(|word| word.text == "table")?;
    let (name, _) = table_and_rest(&words[table + 1..]).filter(|_| words[0].text == "create")?;
    Some(name)
}

/// The table's name without schema, and the words after the name.
fn table_and_rest(words: &[Word]) -> Option<(&str, &[Word])> {
    let is_before = |word: &&Word| matches!(word.text.as_str(), "if" | "not" | "exists" | "only") || word.after == '.';
    let skipped = words.iter().take_while(is_before).count();
    let (name, rest) = words.get(skipped..)?.split_first()?;
    Some((&name.text, rest))
}

fn split_actions(words: &[Word]) -> Vec<&[Word]> {
    let begins =
        |(place, word): &(usize, &Word)| *place == 0 || (word.before == ',' && ACTIONS.contains(&word.text.as_str()));
    let begins: Vec<_> = words
        .iter()
        .enumerate()
        .filter(begins)
        .map(|(place, _)| place)
        .collect();
    let ends = begins.iter().skip(1).copied().chain([words.len()]);
    begins
        .iter()
        .zip(ends)
        .map(|(begin, end)| &words[*begin..end])
        .collect()
}
