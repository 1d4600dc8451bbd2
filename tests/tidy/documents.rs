//! Documents are short, name only existing paths, and explain every failure code.

use offshoot_contract::{PublicKind, Remedy};

use crate::sources::{File, assert_no_violations, assert_violations, files, root};

/// Maximum words of the main documents, without code blocks.
const WORDS_MAX: [(&str, usize); 2] = [("README.md", 900), ("ARCHITECTURE.md", 2_500)];
/// Maximum characters of a line outside of tables and code blocks.
const LINE_MAX: usize = 140;
/// Maximum number of words in the glossary, because a reader must learn each.
const GLOSSARY_WORDS_MAX: usize = 25;
/// File name endings by which a code span counts as a path.
pub(super) const PATH_ENDINGS: [&str; 7] = [".rs", ".toml", ".md", ".sql", ".json", ".sh", ".csv"];

/// Failure codes of the sources without a section in the runbook.
fn unexplained_codes(files: &[File]) -> Vec<String> {
    let text = |path: &str| {
        (files.iter())
            .find(|file| file.path == path)
            .map_or("", |file| file.text.as_str())
    };
    // Each line of the match maps one failure to a code.
    let source = text("chassis/contract/src/failure.rs");
    let named = source
        .lines()
        .filter(|line| line.trim_start().starts_with("FailureKind::"));
    let named = named.filter_map(|line| line.split('"').nth(1));
    let codes = named
        .chain(PublicKind::ALL.iter().map(|kind| kind.code))
        .chain(["unauthenticated"]);
    let is_missing = |code: &&str| !text("RUNBOOK.md").lines().any(|line| line == format!("## `{code}`"));
    let missing = codes.filter(is_missing);
    missing
        .map(|code| format!("RUNBOOK.md does not explain `{code}`"))
        .collect()
}

/// Rows of the runbook's table of public problems that differ from the table in the chassis.
fn public_problem_violations(runbook: &str) -> Vec<String> {
    let section = runbook
        .lines()
        .skip_while(|line| *line != "## Problems that clients get");
    let rows = section
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| `"));
    let rows: Vec<_> = rows.map(str::to_owned).collect();
    let kinds = PublicKind::ALL.map(|kind| {
        let remedy = match kind.remedy {
            Remedy::RetryAfter => "repeat after `Retry-After`",
            Remedy::Retry => "repeat later",
            Remedy::Operator => "operator",
            Remedy::ChangeRequest => "another request",
        };
        format!("| `{}` | {} | {} | {remedy} |", kind.code, kind.status, kind.title)
    });
    let missing = kinds.iter().filter(|kind| !rows.contains(kind));
    let missing = missing.map(|row| format!("RUNBOOK.md lacks the row {row}"));
    let unknown = rows.iter().filter(|row| !kinds.contains(row));
    let unknown = unknown.map(|row| format!("RUNBOOK.md has the row {row}, which is not a kind of public problem"));
    missing.chain(unknown).collect()
}

#[test]
fn the_runbook_explains_every_failure_code() {
    let files = files();
    assert_no_violations(&unexplained_codes(&files));
    let runbook = files.iter().find(|file| file.path == "RUNBOOK.md");
    assert_no_violations(&public_problem_violations(runbook.map_or("", |file| &file.text)));
}

#[test]
fn a_missing_and_an_unknown_public_problem_are_reported() {
    let planted = "## Problems that clients get\n| `teapot` | 418 | short and stout | operator |\n## `x`\n| `y` |\n";
    let mut expected = vec!["lacks the row"; PublicKind::ALL.len()];
    expected.push("has the row | `teapot`");
    assert_violations(&public_problem_violations(planted), &expected);
}

#[test]
fn an_unexplained_failure_code_is_reported() {
    let source = "        FailureKind::Strange => (500, \"strange\"),\n";
    let files = [
        File::new("chassis/contract/src/failure.rs", source),
        File::new("RUNBOOK.md", "## `timeout`\n"),
    ];
    let found = unexplained_codes(&files);
    assert!(
        found.iter().any(|violation| violation.contains("`strange`")),
        "{found:?}"
    );
    assert!(
        !found.iter().any(|violation| violation.contains("`timeout`")),
        "{found:?}"
    );
}

/// The documents among the files.
pub(super) fn documents(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".md"))
}

fn length_violations(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, most) in WORDS_MAX {
        match files.iter().find(|file| file.path == path) {
            None => violations.push(format!("{path} is missing")),
            Some(file) => {
                let words: usize = prose_lines(&file.text)
                    .map(|(_, line)| line.split_whitespace().count())
                    .sum();
                if words > most {
                    violations.push(format!("{path} has {words} words, more than {most}"));
                }
            }
        }
    }
    for document in documents(files) {
        let long = prose_lines(&document.text)
            .filter(|(_, line)| line.chars().count() > LINE_MAX && !line.starts_with('|') && !line.starts_with("    "));
        violations
            .extend(long.map(|(number, _)| format!("{}:{number} has more than {LINE_MAX} characters", document.path)));
    }
    for architecture in files.iter().filter(|file| file.path == "ARCHITECTURE.md") {
        let words = glossary(architecture);
        if words.len() > GLOSSARY_WORDS_MAX {
            violations.push(format!(
                "the glossary has {} words, more than {GLOSSARY_WORDS_MAX}",
                words.len()
            ));
        }
        let unknown = words.into_iter().filter(|word| !is_public_name(files, word));
        violations.extend(
            unknown
                .map(|word| format!("the glossary explains {word}, and no public item of the chassis has that name")),
        );
    }
    violations
}

/// The numbered lines of a document outside of code blocks.
pub(super) fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    })
}

/// Whether a public item of the chassis or of a contract has the word in its name.
fn is_public_name(files: &[File], word: &str) -> bool {
    let sources = files
        .iter()
        .filter(|file| file.is_rust() && (file.path.starts_with("chassis/") || file.path.contains("/api/src/")));
    sources.flat_map(|file| file.text.lines()).any(|line| {
        let mut words = line
            .trim_start()
            .strip_prefix("pub ")
            .unwrap_or_default()
            .split_whitespace();
        let mut item = words
            .by_ref()
            .skip_while(|word| ["async", "const"].contains(word) && !word.is_empty());
        let kinds = ["fn", "struct", "enum", "trait", "type"];
        let name = match item.next() {
            Some(kind) if kinds.contains(&kind) => item.next(),
            name => name,
        };
        let name = name.unwrap_or_default();
        let name = name
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .next()
            .unwrap_or_default();
        name.to_lowercase().contains(word)
    })
}

/// The words of the glossary: the first cells of the table under that heading, without the two header lines.
fn glossary(document: &File) -> Vec<String> {
    let section = document
        .text
        .lines()
        .skip_while(|line| !(line.starts_with('#') && line.contains("Glossary")));
    let rows = section
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with('|'));
    let cells = rows.skip(2).filter_map(|row| row.split('|').nth(1));
    cells.map(|cell| cell.trim().to_lowercase()).collect()
}

/// Texts between single backticks, outside of code blocks.
pub(super) fn code_spans(text: &str) -> Vec<&str> {
    prose_lines(text)
        .flat_map(|(_, line)| line.split('`').skip(1).step_by(2))
        .collect()
}

/// Whether a code span is a path: the span has a file ending, or starts with an existing folder.
fn is_path(span: &str, exists: &dyn Fn(&str) -> bool) -> bool {
    let plain = span
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "._-/".contains(letter));
    let begins = span
        .split_once('/')
        .is_some_and(|(first, _)| !first.is_empty() && exists(first));
    let ends = !span.starts_with('/') && PATH_ENDINGS.iter().any(|kind| span.ends_with(kind) && span != *kind);
    // Paths below `target` exist only after a build.
    plain && (begins || ends) && !span.starts_with("target/")
}

fn missing_paths(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut violations = Vec::new();
    for document in documents(files) {
        let folder = document
            .path
            .rsplit_once('/')
            .map(|(folder, _)| format!("{folder}/"))
            .unwrap_or_default();
        let spans = code_spans(&document.text)
            .into_iter()
            .filter(|span| is_path(span, exists));
        let missing = spans.filter(|path| !exists(path) && !exists(&format!("{folder}{path}")));
        violations.extend(missing.map(|path| format!("{} names {path}, which does not exist", document.path)));
    }
    violations
}

#[test]
fn the_documents_are_short() {
    assert_no_violations(&length_violations(&files()));
}

#[test]
fn a_long_document_is_reported() {
    let chassis = File::new("chassis/contract/src/edge.rs", "pub struct Edge;\n");
    let table = |rows: &str| format!("## Glossary\n\n| word | meaning |\n|---|---|\n{rows}");
    let short = File::new("README.md", "# Short\n");
    let many = [
        short.clone(),
        chassis.clone(),
        File::new("ARCHITECTURE.md", &table(&"| edge | b |\n".repeat(26))),
    ];
    assert_violations(&length_violations(&many), &["glossary has 26 words"]);
    let coined = [
        short,
        chassis,
        File::new("ARCHITECTURE.md", &table("| edge | b |\n| fringe | b |\n")),
    ];
    assert_violations(&length_violations(&coined), &["explains fringe"]);
    let long = [File::new(
        "README.md",
        &format!("{}\n```\n{}\n```\n", "word ".repeat(901), "code ".repeat(901)),
    )];
    assert_violations(
        &length_violations(&long),
        &[
            "README.md has 901 words",
            "ARCHITECTURE.md is missing",
            "README.md:1 has more than 140",
        ],
    );
}

#[test]
fn every_path_in_a_document_exists() {
    let root = root();
    assert_no_violations(&missing_paths(&files(), &|path| root.join(path).exists()));
}

#[test]
fn a_missing_path_is_reported() {
    let exists = |path: &str| ["app", "app/src", "app/src/main.rs", "doc/notes.md", ".ci", ".ci/run"].contains(&path);
    let text = "`app/src`, `app/gone`, `main.rs`, `application/json`, `notes.md`, `a b.rs`, `/api/v1`, `.ci/run`, `.ci/gone`\n\
        ```sh\n`app/none`\n```\n`<name>/lib.rs`, `and/or`, `gone/lib.rs`";
    let expected = ["names app/gone", "names main.rs", "names .ci/gone", "names gone/lib.rs"];
    assert_violations(&missing_paths(&[File::new("doc/README.md", text)], &exists), &expected);
}
