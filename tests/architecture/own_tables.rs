//! A module's SQL stands in `sql!`, where it can be found, and names the module's own tables only.

use std::collections::BTreeMap;

use crate::sources::{File, Token, catches, files, keeps, tokens};

/// How the chassis's own tables begin, which no module touches.
const CHASSIS_PREFIX: &str = "offshoot_";
/// How statements begin, and what follows in one that is not written in capitals, so that prose is not taken for SQL.
const STATEMENTS: [(&str, &str); 8] = [
    ("SELECT ", " from "),
    ("INSERT ", " into "),
    ("UPDATE ", " set "),
    ("DELETE ", " from "),
    ("WITH ", " as ("),
    ("CREATE ", " table "),
    ("ALTER ", " table "),
    ("DROP ", " table "),
];

/// The tables of each module, from its `tables.toml`.
type Tables = BTreeMap<String, Vec<String>>;

fn tables(files: &[File]) -> Tables {
    let declared = files.iter().filter_map(|file| {
        let module = file
            .behind("migrations/")
            .filter(|_| file.path.ends_with("/tables.toml"))?;
        let parsed: toml::Table = toml::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let tables = parsed
            .get("tables")
            .and_then(toml::Value::as_table)
            .map(|tables| tables.keys().cloned().collect());
        Some((module.to_owned(), tables.unwrap_or_default()))
    });
    declared.collect()
}

/// Splits a file's literal texts into those inside `sql!(..)` and the others.
fn literals(tokens: Vec<Token>) -> (Vec<Token>, Vec<Token>) {
    let mut depth: usize = 0;
    let mut last = [String::new(), String::new()];
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for token in tokens {
        match token.text.as_str() {
            "(" if depth > 0 || last == ["sql", "!"] => depth += 1,
            ")" if depth > 0 => depth -= 1,
            _ => {}
        }
        last = [std::mem::take(&mut last[1]), token.text.clone()];
        if token.literal.is_some() {
            if depth > 0 {
                inside.push(token);
            } else {
                outside.push(token);
            }
        }
    }
    (inside, outside)
}

fn looks_like_sql(text: &str) -> bool {
    let text = text.trim_start();
    let lower = text.to_lowercase();
    let begins = |(verb, more): &(&str, &str)| {
        text.starts_with(verb) || (lower.starts_with(&verb.to_lowercase()) && lower.contains(more))
    };
    STATEMENTS.iter().any(begins)
}

/// Tables and schemas that are named in `sql` and are not `module`'s.
fn foreign<'a>(sql: &'a str, module: &str, tables: &Tables) -> Vec<&'a str> {
    let code = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let names = code.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    let is_foreign = |name: &&str| {
        let others = tables.iter().filter(|(owner, _)| *owner != module);
        let own = tables
            .get(module)
            .is_some_and(|own| own.iter().any(|table| table == name));
        let of_another = others
            .flat_map(|(owner, tables)| tables.iter().chain([owner]))
            .any(|other| other == name);
        !own && *name != module && (of_another || name.starts_with(CHASSIS_PREFIX))
    };
    names.filter(is_foreign).collect()
}

fn misplaced_sql(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    let product = files
        .iter()
        .filter(|file| file.is_rust() && file.path.contains("/src/"));
    for file in product.filter(|file| file.path.starts_with("modules/") || file.path.starts_with("app/")) {
        let (inside, outside) = literals(tokens(file));
        let loose = outside
            .iter()
            .filter(|token| looks_like_sql(token.literal.as_deref().unwrap_or_default()));
        violations.extend(loose.map(|token| format!("{}:{} has SQL outside of sql!", file.path, token.line)));
        let in_app = inside.iter().filter(|_| file.path.starts_with("app/"));
        violations.extend(in_app.map(|token| format!("{}:{} has SQL, but the app has no data", file.path, token.line)));
    }
    violations
}

fn foreign_tables(files: &[File], tables: &Tables) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        let (module, statements) = if let Some(module) = file.behind("modules/").filter(|_| file.is_rust()) {
            let (inside, _) = literals(tokens(file));
            (
                module,
                inside
                    .into_iter()
                    .map(|token| (token.line, token.literal.unwrap_or_default()))
                    .collect(),
            )
        } else if let Some(module) = file.behind("migrations/").filter(|_| file.path.ends_with(".sql")) {
            (module, vec![(1, file.text.clone())])
        } else {
            continue;
        };
        for (line, sql) in &statements {
            let names = foreign(sql, module, tables);
            violations.extend(
                names
                    .iter()
                    .map(|name| format!("{}:{line}: {module} reaches into {name}", file.path)),
            );
        }
    }
    violations
}

#[test]
fn sql_stands_in_its_macro() {
    keeps(&misplaced_sql(&files()));
}

#[test]
fn sql_that_stands_elsewhere_is_found() {
    let planted = [
        File::new(
            "modules/a/src/store.rs",
            "fn f() { sql!(sqlite: \"SELECT (1)\", postgres: \"SELECT 2\"); }",
        ),
        File::new(
            "modules/a/src/service.rs",
            "/// SELECT 1\nfn f() { say(\"Select one, please, or update it\") }",
        ),
        File::new(
            "modules/a/src/bulk.rs",
            "fn f() {\n    sql!(\"SELECT 1\"); format!(\"UPDATE {t} SET a = 1\");\n}",
        ),
        File::new(
            "modules/a/src/search.rs",
            "const ALL: &str = \"  select name from things\";",
        ),
        File::new(
            "modules/a/tests/all.rs",
            "const ALL: &str = \"SELECT name FROM things\";",
        ),
        File::new("app/src/cli/db.rs", "fn f() { sql!(\"SELECT 1\"); }"),
    ];
    let expected = ["bulk.rs:2", "search.rs:1", "cli/db.rs:1 has SQL, but"];
    catches(&misplaced_sql(&planted), &expected);
}

#[test]
fn each_module_names_its_own_tables_only() {
    let files = files();
    let tables = tables(&files);
    assert!(tables["catalog"].contains(&"products".to_owned()), "{tables:?}");
    keeps(&foreign_tables(&files, &tables));
}

#[test]
fn a_module_that_reaches_into_another_is_found() {
    let tables = Tables::from([
        ("a".to_owned(), vec!["things".to_owned()]),
        ("b".to_owned(), vec!["parts".to_owned()]),
    ]);
    let planted = [
        File::new(
            "modules/a/src/store.rs",
            "fn f() { sql!(\"SELECT parts_left FROM things\") }",
        ),
        File::new(
            "modules/a/src/bulk.rs",
            "fn f() { sql!(\"SELECT 1 FROM things, parts\") }",
        ),
        File::new(
            "modules/b/src/store.rs",
            "fn f() {\n    sql!(sqlite: \"SELECT 1\", postgres: \"SELECT 1 FROM a.x\");\n}",
        ),
        File::new(
            "modules/b/src/lib.rs",
            "fn f() { sql!(\"DELETE FROM offshoot_owner\") }",
        ),
        File::new(
            "migrations/b/sqlite/0001_parts.sql",
            "-- Unlike things.\nCREATE TABLE parts (x REFERENCES things);",
        ),
    ];
    let expected = [
        "bulk.rs:1: a reaches into parts",
        "store.rs:2: b reaches into a",
        "lib.rs:1: b reaches into offshoot_owner",
        "0001_parts.sql:1: b reaches into things",
    ];
    catches(&foreign_tables(&planted, &tables), &expected);
}
