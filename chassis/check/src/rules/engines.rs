//! Engine rule: SQL that both engines run means the same on both, and each migration exists for both.
//!
//! Finds words only: types, NULL order and locks need a reader, and the contract tests, which run every statement on both.

mod migrations;

pub(crate) use self::migrations::{find_in_migrations, is_of_postgres};

use crate::file::File;
use crate::project::Project;
use crate::rules::sql::{Dialect, literals};
use crate::sql::{Word, statements};
use crate::tokens::Token;
use crate::violation::{Rule, Violation};

/// Functions of SQLite alone.
const SQLITE_FUNCTIONS: [&str; 13] = [
    "group_concat",
    "ifnull",
    "iif",
    "instr",
    "json_each",
    "json_extract",
    "julianday",
    "last_insert_rowid",
    "printf",
    "strftime",
    "total",
    "unhex",
    "unixepoch",
];
/// Phrases of SQLite alone.
const SQLITE_PHRASES: [&[&str]; 4] = [&["rowid"], &["glob"], &["insert", "or"], &["replace", "into"]];

/// Functions of Postgres alone.
const POSTGRES_FUNCTIONS: [&str; 15] = [
    "any",
    "array_agg",
    "char_length",
    "clock_timestamp",
    "date_trunc",
    "extract",
    "gen_random_uuid",
    "generate_series",
    "greatest",
    "least",
    "now",
    "string_agg",
    "to_char",
    "to_tsvector",
    "unnest",
];
/// Phrases of Postgres alone.
const POSTGRES_PHRASES: [&[&str]; 8] = [
    &["at", "time", "zone"],
    &["distinct", "on"],
    &["for", "no", "key", "update"],
    &["for", "share"],
    &["for", "update"],
    &["ilike"],
    &["lateral"],
    &["skip", "locked"],
];

/// Phrases that both engines accept and understand differently, with the difference and the remedy.
const DIFFERENT_PHRASES: [(&[&str], &str); 6] = [
    (
        &["like"],
        "ignores the case of ASCII letters on SQLite alone: compare words that the module stores in lower case",
    ),
    (
        &["current_timestamp"],
        "is a text on SQLite: pass the time of the clock as a parameter",
    ),
    (
        &["current_date"],
        "is a text on SQLite: pass the time of the clock as a parameter",
    ),
    (
        &["current_time"],
        "is a text on SQLite: pass the time of the clock as a parameter",
    ),
    (&["as", "integer"], "has 32 bits on Postgres: cast AS bigint"),
    (&["as", "int"], "has 32 bits on Postgres: cast AS bigint"),
];
/// Functions that both engines have and that differ, with the difference and the remedy.
const DIFFERENT_FUNCTIONS: [(&str, &str); 4] = [
    (
        "avg",
        "is numeric on Postgres and a float on SQLite: divide a sum by a count in Rust",
    ),
    (
        "lower",
        "changes only ASCII letters on SQLite: store the lower case beside the text",
    ),
    (
        "upper",
        "changes only ASCII letters on SQLite: store the upper case beside the text",
    ),
    (
        "random",
        "is a float on Postgres and an integer on SQLite: pass the value as a parameter",
    ),
];
/// Difference of `sum`.
const SUM: &str = "of a bigint is numeric on Postgres: write CAST(sum(..) AS bigint)";

pub(crate) fn find_in_code(project: &Project, file: &File, tokens: &[Token]) -> Vec<Violation> {
    if project.layout.module_of_code(&file.path).is_none() {
        return Vec::new();
    }
    let (inside, _) = literals(tokens, &project.layout.sql_macro);
    let mut found = Vec::new();
    for (token, dialect) in inside {
        for words in statements(token.literal.as_deref().unwrap_or_default()) {
            for (place, word) in words.iter().enumerate() {
                if let Some(message) = find_difference(&words[place..], dialect) {
                    found.push(Violation::new(file, token.line + word.line, Rule::Engines, message));
                }
            }
        }
    }
    found
}

/// Message about the phrase that begins with the first of `words`.
fn find_difference(words: &[Word], dialect: Dialect) -> Option<String> {
    let word = &words[0];
    let is_function = |name: &str| word.text == name && word.after == '(' && word.before != '.';
    let begins = |phrase: &[&str]| {
        words.len() >= phrase.len()
            && word.before != '.'
            && phrase.iter().zip(words).all(|(text, word)| word.text == *text)
    };
    let only = |engine: &str, phrase: &str, macro_text: &str| {
        format!("`{phrase}` exists on {engine} alone: write a text for each engine, this one after `{macro_text}:`")
    };
    if dialect != Dialect::Sqlite {
        if is_function("sum") && !word.is_cast {
            return Some(format!("`sum` {SUM}"));
        }
        let function = SQLITE_FUNCTIONS.iter().find(|name| is_function(name)).copied();
        let phrase = SQLITE_PHRASES
            .iter()
            .find(|phrase| begins(phrase))
            .map(|phrase| phrase.join(" "));
        if let Some(phrase) = function.map(str::to_owned).or(phrase) {
            return Some(only("SQLite", &phrase, "sqlite"));
        }
    }
    if dialect != Dialect::Postgres {
        let function = POSTGRES_FUNCTIONS.iter().find(|name| is_function(name)).copied();
        let phrase = POSTGRES_PHRASES
            .iter()
            .find(|phrase| begins(phrase))
            .map(|phrase| phrase.join(" "));
        let cast = (word.after == ':').then(|| "::".to_owned());
        if let Some(phrase) = function.map(str::to_owned).or(phrase).or(cast) {
            return Some(only("Postgres", &phrase, "postgres"));
        }
    }
    if dialect == Dialect::Shared {
        let phrase = DIFFERENT_PHRASES.iter().find(|(phrase, _)| begins(phrase));
        // A name after AS is an alias, unless the type of a cast is meant.
        let phrase = phrase.filter(|(phrase, _)| phrase[0] != "as" || word.is_cast);
        let function = DIFFERENT_FUNCTIONS.iter().find(|(name, _)| is_function(name));
        return phrase
            .map(|(phrase, message)| format!("`{}` {message}", phrase.join(" ")))
            .or_else(|| function.map(|(name, message)| format!("`{name}` {message}")));
    }
    None
}
