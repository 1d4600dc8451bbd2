//! The strangler demonstration: a module walks out and back under load, its process dies, and wrong answers are caught.

use std::time::Duration;

use offshoot_tests::run_offshoot_within;
use serde_json::Value;

use super::STORE_PERMITS;

/// Time limit of one demonstration. Most last half a minute; a busy machine accepts later.
const LIMIT: Duration = Duration::from_secs(600);
/// Store permits of one demonstration: its load would slow down the stores of other tests.
const PERMITS: u32 = 3;
/// Requests of the shortest walk.
const REQUESTS_MIN: u64 = 100;

#[tokio::test]
async fn a_module_walks_out_and_back_without_a_failed_request() {
    let (code, report) = demonstrate(&[]).await;
    assert_eq!(code, Some(0), "{report}");
    assert_nothing_failed(&report);
    let out = ["local", "encoded", "shadow", "canary:50", "remote"];
    let back = ["canary:50", "shadow", "encoded", "local"];
    assert_eq!(names(&report), [&out[..], &back[..]].concat(), "{report}");
    let [store, candidate] = pids(&report)[..] else {
        panic!("not two processes: {report}")
    };
    assert_ne!(store, candidate);
    assert!(
        count(&report, "comparisons") > 0 && count(&report, "mismatches") == 0,
        "{report}"
    );
    // Operators add products, also while the candidate answers.
    assert!(count(&report, "writes_remote") > 0, "{report}");
    assert!(report["load_rps"].as_f64().is_some_and(|rate| rate > 0.0), "{report}");
    let remote = &states(&report)[4];
    assert_eq!(
        (&remote["share_of_keys"], &remote["name"]),
        (&1.0.into(), &"remote".into())
    );
    for gate in report["gates"].as_array().expect("the report has gates") {
        assert!(matches!(gate["verdict"].as_str(), Some("green" | "accepted")), "{gate}");
    }
}

#[tokio::test]
async fn a_candidate_dies_and_returns_without_a_failed_request() {
    let (code, report) = demonstrate(&["--chaos"]).await;
    assert_eq!(code, Some(0), "{report}");
    assert_nothing_failed(&report);
    assert_eq!(pids(&report).len(), 3, "{report}");
    assert!(names(&report).contains(&"remote"), "{report}");
    // On a slow machine the crash is half of a window's calls: then the store steps back before the counts are read.
    let halts = report["halts"].as_array().expect("the report has halts");
    assert!(count(&report, "fallbacks") > 0 || !halts.is_empty(), "{report}");
}

#[tokio::test]
async fn wrong_answers_stop_the_walk_in_shadow() {
    let (code, report) = demonstrate(&["--wrong", "0.02"]).await;
    assert_eq!(code, Some(0), "{report}");
    assert_nothing_failed(&report);
    assert_eq!(
        names(&report),
        ["local", "encoded", "shadow", "encoded", "local"],
        "{report}"
    );
    let caught = &report["caught"];
    let methods = ["product", "products_by_id", "browse"].map(Value::from);
    assert!(methods.contains(&caught["method"]), "{caught}");
    assert!(
        caught["field"].as_str().is_some_and(|field| field.ends_with("amount")),
        "{caught}"
    );
    assert!(
        caught["refusal"]
            .as_str()
            .is_some_and(|why| why.contains("differences")),
        "{caught}"
    );
    assert!(count(&report, "edited_answers") > 0, "{report}");
}

/// Runs the demonstration with the catalog. Returns the exit code and the last line of stdout.
async fn demonstrate(flags: &[&str]) -> (Option<i32>, Value) {
    let permits = STORE_PERMITS.acquire_many(PERMITS).await;
    let _permits = permits.expect("the semaphore is never closed");
    let arguments = [&["demo", "strangler", "--pace", "fast", "--json"], flags].concat();
    let output = run_offshoot_within(LIMIT, &arguments).await;
    let line = output.stdout.lines().last().unwrap_or_default();
    let report = serde_json::from_str(line).unwrap_or_else(|error| panic!("no report: {error}: {}", output.stderr));
    (output.code, report)
}

fn assert_nothing_failed(report: &Value) {
    assert_eq!(count(report, "failed_requests"), 0, "{report}");
    assert!(count(report, "requests") >= REQUESTS_MIN, "{report}");
    let proofs = report["proofs"].as_array().expect("the report has proofs");
    assert!(
        proofs.len() == 7 && proofs.iter().all(|proof| proof["contradictions"] == 0),
        "{report}"
    );
}

fn states(report: &Value) -> &[Value] {
    report["states"].as_array().expect("the report has states")
}

fn names(report: &Value) -> Vec<&str> {
    states(report)
        .iter()
        .filter_map(|state| state["name"].as_str())
        .collect()
}

fn pids(report: &Value) -> Vec<u64> {
    let pids = report["pids"].as_array().expect("the report has processes");
    pids.iter().filter_map(Value::as_u64).collect()
}

fn count(report: &Value, field: &str) -> u64 {
    report[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field} is not a count: {report}"))
}
