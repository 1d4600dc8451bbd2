//! Documents are short, and what they point at is there.

use crate::sources::{File, catches, files, keeps, root};

/// How long a document that everybody reads may be, lines.
const LENGTHS: [(&str, usize); 2] = [("README.md", 150), ("ARCHITECTURE.md", 300)];
/// Words that a reader has to learn.
const MOST_GLOSSARY_WORDS: usize = 25;
/// What ends the name of a file that a document may point at.
const KINDS: [&str; 7] = [".rs", ".toml", ".md", ".sql", ".json", ".sh", ".csv"];

/// Failures that a log line or a refusal may name, and the runbook has to explain.
const CODES: [&str; 10] = [
    "unavailable",
    "overloaded",
    "timeout",
    "connection-lost",
    "bad-answer",
    "wrong-contract",
    "dependency",
    "internal",
    "unauthenticated",
    "caller-not-allowed",
];

/// Codes of failures that the sources give and the runbook does not explain.
fn unexplained(files: &[File]) -> Vec<String> {
    let text = |path: &str| {
        (files.iter())
            .find(|file| file.path == path)
            .map_or("", |file| file.text.as_str())
    };
    // What a failure is called on the wire, one line each.
    let source = text("chassis/contract/src/failure.rs");
    let named = source
        .lines()
        .filter(|line| line.trim_start().starts_with("FailureKind::"));
    let named = named.filter_map(|line| line.split('"').nth(1));
    let codes = named.chain(CODES);
    let is_missing = |code: &&str| !text("RUNBOOK.md").lines().any(|line| line == format!("## `{code}`"));
    let missing = codes.filter(is_missing);
    missing
        .map(|code| format!("RUNBOOK.md does not explain `{code}`"))
        .collect()
}

#[test]
fn the_runbook_explains_every_failure() {
    keeps(&unexplained(&files()));
}

#[test]
fn a_failure_that_the_runbook_does_not_explain_is_found() {
    let source = "        FailureKind::Strange => (500, \"strange\"),\n";
    let files = [
        File::new("chassis/contract/src/failure.rs", source),
        File::new("RUNBOOK.md", "## `timeout`\n"),
    ];
    let found = unexplained(&files);
    assert!(
        found.iter().any(|violation| violation.contains("`strange`")),
        "{found:?}"
    );
    assert!(
        !found.iter().any(|violation| violation.contains("`timeout`")),
        "{found:?}"
    );
}

fn documents(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".md"))
}

fn too_long(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for (path, most) in LENGTHS {
        match files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.lines().count())
        {
            None => violations.push(format!("there is no {path}")),
            Some(lines) if lines > most => {
                violations.push(format!("{path} has {lines} lines, at most {most} are read"));
            }
            Some(_) => {}
        }
    }
    let words = files
        .iter()
        .filter(|file| file.path == "ARCHITECTURE.md")
        .map(glossary_words)
        .sum::<usize>();
    if words > MOST_GLOSSARY_WORDS {
        violations.push(format!(
            "the glossary has {words} words, at most {MOST_GLOSSARY_WORDS} are learnt"
        ));
    }
    violations
}

/// Entries under the heading `Glossary`: lines of a list or, below its two heading lines, of a table.
fn glossary_words(document: &File) -> usize {
    let behind = document
        .text
        .lines()
        .skip_while(|line| !(line.starts_with('#') && line.contains("Glossary")));
    let lines: Vec<_> = behind.skip(1).take_while(|line| !line.starts_with('#')).collect();
    let items = lines.iter().filter(|line| line.starts_with("- ")).count();
    let rows = lines.iter().filter(|line| line.starts_with('|')).count();
    items + rows.saturating_sub(2)
}

/// The texts between single backticks, outside of code blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let mut in_block = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    });
    prose.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// Whether a code span names a file or folder: it ends like one, or begins with a folder that `exists`.
fn is_path(span: &str, exists: &dyn Fn(&str) -> bool) -> bool {
    let plain = span
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "._-/".contains(letter));
    let begins = span
        .split_once('/')
        .is_some_and(|(first, _)| !first.is_empty() && exists(first));
    let ends = !span.starts_with('/') && KINDS.iter().any(|kind| span.ends_with(kind) && span != *kind);
    // What cargo builds is there only after it has.
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
        let gone = spans.filter(|path| !exists(path) && !exists(&format!("{folder}{path}")));
        violations.extend(gone.map(|path| format!("{} names {path}, which is not there", document.path)));
    }
    violations
}

#[test]
fn the_documents_are_short() {
    keeps(&too_long(&files()));
}

#[test]
fn a_long_document_is_found() {
    let glossary = format!(
        "# A\n\n## Glossary\n\n{}\n## Next\n- none\n",
        "- **word**: meaning\n".repeat(26)
    );
    let table = format!(
        "## Glossary\n\n| word | meaning |\n|---|---|\n{}",
        "| a | b |\n".repeat(25)
    );
    let short = File::new("README.md", "# Short\n");
    catches(
        &too_long(&[short.clone(), File::new("ARCHITECTURE.md", &glossary)]),
        &["glossary has 26 words"],
    );
    catches(&too_long(&[short, File::new("ARCHITECTURE.md", &table)]), &[]);
    let long = [File::new("README.md", &"\n".repeat(151))];
    catches(
        &too_long(&long),
        &["README.md has 151 lines", "there is no ARCHITECTURE.md"],
    );
}

#[test]
fn every_path_in_a_document_is_there() {
    let root = root();
    keeps(&missing_paths(&files(), &|path| root.join(path).exists()));
}

#[test]
fn a_path_that_is_gone_is_found() {
    let exists = |path: &str| ["app", "app/src", "app/src/main.rs", "doc/notes.md", ".ci", ".ci/run"].contains(&path);
    let text = "`app/src`, `app/gone`, `main.rs`, `application/json`, `notes.md`, `a b.rs`, `/api/v1`, `.ci/run`, `.ci/gone`\n\
        ```sh\n`app/none`\n```\n`<name>/lib.rs`, `and/or`, `gone/lib.rs`";
    let expected = ["names app/gone", "names main.rs", "names .ci/gone", "names gone/lib.rs"];
    catches(&missing_paths(&[File::new("doc/README.md", text)], &exists), &expected);
}
