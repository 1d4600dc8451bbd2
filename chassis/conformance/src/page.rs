//! The vectors as the page describes them. The page is part of the binary, so that a report quotes the page of the same
//! version.

const TEXT: &str = include_str!("../../rest/PROTOCOL.md");
/// First line of a table of vectors.
const TABLE: &str = "| vector | request | answer |";

/// A row of a table of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) vector: &'static str,
    /// Heading above the table.
    pub(crate) section: &'static str,
    /// The answer that the page asks for.
    pub(crate) answer: &'static str,
}

/// All rows, in the order of the page.
pub(crate) fn rows() -> Vec<Row> {
    rows_of(TEXT)
}

fn rows_of(text: &'static str) -> Vec<Row> {
    let (mut section, mut is_table) = ("", false);
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading;
        }
        is_table = line == TABLE || (is_table && line.starts_with('|'));
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        if let (true, Some(name), Some(_), Some(answer)) = (is_table, cells.next(), cells.next(), cells.next())
            && let Some(vector) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'))
        {
            rows.push(Row {
                vector,
                section,
                answer,
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_vectors_is_read_and_others_are_not() {
        let text = "## Tokens\n\n| header | value |\n|---|---|\n| `host` | x | y |\n\n| vector | request | answer |\n|---|---|---|\n\
                    | `no-token` | nothing | 401 |\n\ntext\n| `other` | a | b |\n";
        let row = Row {
            vector: "no-token",
            section: "Tokens",
            answer: "401",
        };
        assert_eq!(rows_of(text), [row]);
    }

    #[test]
    fn the_page_names_each_vector_once() {
        let mut names: Vec<_> = rows().iter().map(|row| row.vector).collect();
        assert!(names.len() > 60, "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows().len());
    }

    /// The twin of the page: each name of a vector is a text in the sources of the vectors, and the other way round.
    #[test]
    fn every_vector_of_the_page_is_sent_and_no_other() {
        let sources = concat!(
            include_str!("vectors/identity.rs"),
            include_str!("vectors/tokens.rs"),
            include_str!("vectors/requests.rs"),
            include_str!("vectors/bodies.rs"),
            include_str!("vectors/headers.rs"),
            include_str!("vectors/idempotency.rs"),
            include_str!("vectors/events.rs"),
            include_str!("vectors/health.rs"),
        );
        let missing: Vec<_> = rows()
            .into_iter()
            .filter(|row| !sources.contains(&format!("\"{}\"", row.vector)))
            .collect();
        assert_eq!(missing, []);
    }
}
