//! Entries of documents: table rows, list items and headings that begin with names in backticks, and so explain them.

use super::documents::{documents, prose_lines};
use crate::sources::File;

/// A name that a document explains.
pub(super) struct Entry<'a> {
    /// Path and line: `RUNBOOK.md:7`.
    pub(super) place: String,
    pub(super) name: &'a str,
}

/// The entries of all documents. A row with several names is one entry for each name.
pub(super) fn entries(files: &[File]) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for document in documents(files) {
        for (number, line) in prose_lines(&document.text) {
            let names = spans(leading_text(line)).into_iter();
            entries.extend(names.map(|name| Entry {
                place: format!("{}:{number}", document.path),
                name,
            }));
        }
    }
    entries
}

/// Texts between single backticks.
pub(super) fn spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names in front of an explanation: the first cell of a row, an item up to the colon, or a heading. Empty if the
/// line does not begin with a name.
fn leading_text(line: &str) -> &str {
    let line = line.trim_start();
    let text = if let Some(row) = line.strip_prefix('|') {
        row.split('|').next()
    } else if let Some(heading) = line.strip_prefix('#') {
        Some(heading.trim_start_matches('#'))
    } else {
        let unnumbered = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let items = [(line, "- "), (line, "* "), (unnumbered, ". ")];
        let mut items = items.into_iter().filter_map(|(text, mark)| text.strip_prefix(mark));
        items.next().and_then(|item| item.split(": ").next())
    };
    let text = text.unwrap_or_default();
    let is_named = text.trim_start_matches([' ', '*', '[']).starts_with('`');
    if is_named { text } else { "" }
}

#[test]
fn rows_items_and_headings_that_begin_with_a_name_are_entries() {
    let text = "# Names\n\n## `heading`\n\n| name | meaning |\n|---|---|\n| `row`, `twin` | not `this` |\n| not | `this` |\n\
        - `item`: not `this`\n- not `this`\n1. **`numbered`**: yes\nNot `this`.\n```\n- `code`\n```\n";
    let files = [File::new("doc/README.md", text), File::new("a.rs", "- `rust`\n")];
    let found: Vec<_> = entries(&files)
        .iter()
        .map(|entry| format!("{} {}", entry.place, entry.name))
        .collect();
    let expected = ["3 heading", "7 row", "7 twin", "9 item", "11 numbered"];
    assert_eq!(found, expected.map(|entry| format!("doc/README.md:{entry}")));
}
