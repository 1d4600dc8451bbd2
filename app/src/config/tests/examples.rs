//! Each example of a value in the file of defaults is a value that the process accepts.

use offshoot_contract::{Contract, SystemClock};
use offshoot_telemetry::spans_to;

use super::*;
use crate::config::layer::DEFAULT;
use crate::config::variables::variable;

/// Settings of this module stand for those of `modules."*"`.
const MODULE: &str = "catalog";

/// Keys with the examples in their comments. An example is a text in quotes. A paragraph belongs to the setting that begins
/// the paragraph in backticks, or else to the settings below.
fn examples(text: &str) -> Vec<(String, String)> {
    let (mut found, mut table) = (Vec::new(), String::new());
    let (mut paragraphs, mut is_below_value) = (Vec::<String>::new(), false);
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            if is_below_value {
                paragraphs.clear();
            }
            match paragraphs.last_mut().filter(|_| !comment.is_empty()) {
                Some(paragraph) => paragraph.push_str(comment),
                None => paragraphs.push(comment.to_owned()),
            }
        } else if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']').replace("\"*\"", MODULE));
        } else if let Some((name, _)) = line.split_once(" = ") {
            for paragraph in paragraphs.iter().filter(|paragraph| belongs_to(paragraph, name, text)) {
                let quoted = paragraph.split('"').skip(1).step_by(2);
                found.extend(quoted.map(|example| (format!("{table}{name}"), example.to_owned())));
            }
        } else {
            paragraphs.clear();
        }
        is_below_value = line.contains(" = ") && !line.starts_with('#');
    }
    found
}

fn belongs_to(paragraph: &str, name: &str, text: &str) -> bool {
    let first = paragraph.trim().strip_prefix('`').and_then(|rest| rest.split_once('`'));
    first.is_none_or(|(first, _)| first == name || !is_key(text, first))
}

fn is_key(text: &str, name: &str) -> bool {
    text.lines()
        .any(|line| line.split_once(" = ").is_some_and(|(key, _)| key == name))
}

#[test]
fn every_example_in_the_file_of_defaults_is_accepted() {
    let examples = examples(DEFAULT);
    assert!(examples.len() >= 18, "{examples:?}");
    for (key, example) in examples {
        let mut variables = vec![(variable(&key), example.clone())];
        if example == "remote" {
            variables.push((variable("modules.catalog.urls"), "http://127.0.0.1:1".to_owned()));
        }
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let loaded = load_from(None, variables, &Flags::default());
        let settings = loaded
            .unwrap_or_else(|error| panic!("{key}, {example}: {error}"))
            .settings;
        let database = settings.database_url(MODULE);
        assert!(database.is_ok(), "{key}, {example}: {database:?}");
        let limits = settings.remote.limits(&settings.modules[MODULE].policy);
        let checked = limits.check::<dyn catalog_api::v1::CatalogApi>();
        assert_eq!(
            checked,
            Ok(()),
            "{key}, {example}, {}",
            <dyn catalog_api::v1::CatalogApi>::NAME
        );
        if let Some(otlp) = &settings.telemetry.otlp {
            assert!(spans_to(otlp, "example", SystemClock).is_ok(), "{key}, {example}");
        }
    }
}

#[test]
fn examples_are_found_in_paragraphs_and_above_keys() {
    let text = "# File with \"one\".\n\n# Address \"a\", or\n# \"b\".\nlisten = \"\"\n# `listen` aside: \"c\".\nother = 1\n\n\
        # Of all.\n#\n# `zone` is \"eu\".\n#\n# `urls` are\n# \"u\".\n[modules.\"*\"]\nurls = \"\"\nzone = \"\"\n";
    let expected = [
        ("listen", "a"),
        ("listen", "b"),
        ("modules.catalog.urls", "u"),
        ("modules.catalog.zone", "eu"),
    ];
    let expected = expected.map(|(key, example)| (key.to_owned(), example.to_owned()));
    assert_eq!(examples(text), expected);
}
