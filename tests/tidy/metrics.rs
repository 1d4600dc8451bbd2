//! Each metric that a running store exports is explained in one document, and each metric in a document is exported.

use offshoot_tests::{Client, Data, Engine};

use super::documents::{code_spans, documents};
use super::entries::entries;
use crate::sources::{File, assert_no_violations, assert_violations, files};

const PREFIX: &str = "offshoot_";

/// Names of the metrics in an OpenMetrics text, as Prometheus stores them: the name of a counter ends in `_total`.
fn exported(text: &str) -> Vec<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let types = types.filter_map(|line| line.split_once(' '));
    types
        .map(|(name, kind)| match kind {
            "counter" => format!("{name}_total"),
            _ => name.to_owned(),
        })
        .collect()
}

fn metric_violations(files: &[File], exported: &[String]) -> Vec<String> {
    let mut violations = Vec::new();
    let entries = entries(files);
    for metric in exported {
        let places: Vec<_> = entries
            .iter()
            .filter(|entry| entry.name == metric)
            .map(|entry| entry.place.as_str())
            .collect();
        match places[..] {
            [] => violations.push(format!("no document explains the metric {metric}")),
            [_] => {}
            _ => violations.push(format!("{metric} is explained more than once: {}", places.join(", "))),
        }
    }
    for document in documents(files) {
        let named = code_spans(&document.text).into_iter();
        let named = named.filter(|span| span.starts_with(PREFIX));
        let unknown = named.filter(|span| !exported.iter().any(|metric| metric == span));
        violations.extend(unknown.map(|span| format!("{} names {span}, which is not a metric", document.path)));
    }
    violations
}

#[tokio::test]
async fn every_metric_of_the_store_is_explained_in_one_document() {
    let data = Data::new(Engine::Sqlite).await;
    let store = data.serve(&[]).await;
    let client = Client::new(store.url()).with_token(data.operator_token());
    let metrics = client.get("/metrics").await;
    store.stop().await;
    assert_eq!(metrics.status, 200, "{}", metrics.text);
    let exported = exported(&metrics.text);
    assert!(
        exported.iter().any(|metric| metric == "offshoot_calls_total"),
        "{exported:?}"
    );
    assert_no_violations(&metric_violations(&files(), &exported));
}

#[test]
fn an_unexplained_a_twice_explained_and_an_unknown_metric_are_reported() {
    let text = "# HELP offshoot_calls Calls.\n# TYPE offshoot_calls counter\noffshoot_calls_total{} 1\n\
        # TYPE offshoot_placement gauge\n# TYPE offshoot_size_bytes histogram\n# EOF\n";
    let project = [
        File::new(
            "RUNBOOK.md",
            "| `offshoot_calls_total` | calls |\n| `offshoot_placement` | place |\n",
        ),
        File::new(
            "README.md",
            "`offshoot_calls_total` counts.\n- `offshoot_placement`: 1 or 0\n- `offshoot_calls`: wrong\n",
        ),
    ];
    let expected = [
        "offshoot_placement is explained more than once: RUNBOOK.md:2, README.md:2",
        "no document explains the metric offshoot_size_bytes",
        "README.md names offshoot_calls,",
    ];
    assert_violations(&metric_violations(&project, &exported(text)), &expected);
}
