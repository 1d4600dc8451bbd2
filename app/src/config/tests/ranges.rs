//! Each setting has a range, and a value outside of the range is refused with the range, the key and the origin.

use config::ValueKind;
use offshoot_host::parse_duration;

use super::*;
use crate::config::ranges::Ranges;
use crate::config::variables::variable;

/// Settings where zero means something: no wait, no pause, no trace.
const ZERO_ALLOWED: [&str; 5] = [
    "postgres.patience",
    "remote.queue_wait",
    "shutdown.pause",
    "shutdown.patience",
    "telemetry.sample",
];

/// The effective default of each setting, by key.
fn defaults() -> Vec<(String, ValueKind)> {
    let merged = load_from(None, [], &Flags::default())
        .expect("the defaults hold")
        .merged;
    let (layer, _) = Layer::default_settings().expect("the defaults hold");
    let value = |key: &str| value_at(&merged, key).expect("each key has a value").kind.clone();
    layer.keys().map(|key| (key.to_owned(), value(key))).collect()
}

/// Values that a setting with this default must refuse.
fn outside(key: &str, default: &ValueKind) -> Vec<String> {
    let mut outside = vec![
        "x".repeat(100_000),
        "x,".repeat(10_000),
        "a\u{7}b".to_owned(),
        "\n".to_owned(),
    ];
    let zero = match default {
        ValueKind::String(text) if parse_duration(text).is_some() => Some("0s"),
        ValueKind::I64(_) | ValueKind::Float(_) => Some("0"),
        _ => None,
    };
    if let Some(zero) = zero {
        outside.extend(zero_and_more(zero).filter(|value| value != zero || !ZERO_ALLOWED.contains(&key)));
    }
    if *default == ValueKind::Boolean(false) {
        outside.extend(["1", "yes", ""].map(str::to_owned));
    }
    outside
}

fn zero_and_more(zero: &str) -> impl Iterator<Item = String> {
    let unit = zero.trim_start_matches('0');
    let numbers = [
        "-1",
        "999999999",
        "18446744073709551615",
        "99999999999999999999",
        "1e30",
        "NaN",
        "inf",
        "",
        "none",
    ];
    let numbers = numbers.map(|number| format!("{number}{unit}"));
    let others = ["true", "1.5", "1.5s", " 1"].map(str::to_owned);
    [zero.to_owned()].into_iter().chain(numbers).chain(others)
}

#[test]
fn every_setting_refuses_values_outside_of_its_range() {
    for (key, default) in defaults() {
        let name = variable(&key);
        for value in outside(&key, &default) {
            let message = error(None, &[(name.as_str(), value.as_str())], &Flags::default());
            let shown = value.chars().take(20).collect::<String>();
            assert!(
                message.contains(&name) && message.contains(&format!("`{key}`")) && message.contains(": give "),
                "{key}, {shown}: {message}"
            );
        }
    }
}

#[test]
fn both_ends_of_every_range_are_accepted() {
    let (_, ranges) = Layer::default_settings().expect("the defaults hold");
    for (key, range) in ranges.iter() {
        for end in range.ends() {
            let mut variables = vec![(variable("remote.longest_pause"), "1h".to_owned())];
            if key == "remote.longest_pause" {
                variables = vec![(variable("remote.pause"), "10ms".to_owned())];
            }
            variables.push((variable(key), end.clone()));
            let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
            let loaded = load_from(None, variables, &Flags::default());
            assert!(
                loaded.is_ok(),
                "{key}, {end}: {}",
                loaded.err().map_or_else(String::new, |error| error.to_string())
            );
        }
    }
}

#[test]
fn a_refusal_names_the_line_of_the_file_or_the_flag() {
    let (_folder, path) = file("listen = \"127.0.0.1:1\"\n[jobs]\n# Quick.\nsilence = \"0s\"\n");
    let message = error(Some(&path), &[], &Flags::default());
    let origin = format!(
        "{}:4 sets `jobs.silence` to `0s`: give a duration from 400ms to 1h",
        path.display()
    );
    assert!(message.starts_with(&origin), "{message}");

    let (_folder, path) = file("[public]\nin_flight = 1.5\n");
    let message = error(Some(&path), &[], &Flags::default());
    assert!(message.contains(":2 sets `public.in_flight` to `1.5`"), "{message}");

    let mut flags = Flags::default();
    flags.set("--plain-text-because", "public.allow_plain_text", "x".repeat(301));
    let message = error(None, &[], &flags);
    assert!(
        message.contains("flag --plain-text-because") && message.contains("0 to 300 bytes"),
        "{message}"
    );
}

#[test]
fn a_policy_keeps_to_the_ranges_of_the_settings_that_it_overrides() {
    let name = "OFFSHOOT__MODULES__CATALOG__POLICY";
    for (policy, part) in [
        ("in_flight=0", "`in_flight=0`: give a whole number from 1 to 100000"),
        ("browse.in_flight=100001", "from 1 to 100000"),
        ("pause=0s", "give a duration from 10ms to 1h"),
        ("timeout=0s", "give a duration from 1ms to 1h"),
        ("browse.timeout=2h", "give a duration from 1ms to 1h"),
        ("retries=3", "longest_pause, timeout"),
    ] {
        let message = error(None, &[(name, policy)], &Flags::default());
        assert!(message.contains(name) && message.contains(part), "{message}");
    }
    let message = error(None, &[(name, "pause=1m")], &Flags::default());
    assert!(message.contains("`modules.catalog.policy`"), "{message}");
}

#[test]
fn a_setting_without_a_range_stops_every_start() {
    for comment in ["", "seconds", "1", "1 to many", "0s to 5", "1 to 2 lines"] {
        let declared = Ranges::default().declare("jobs.silence", comment);
        let message = declared.expect_err(comment).to_string();
        assert!(message.contains("no range behind `jobs.silence`"), "{message}");
    }
}
