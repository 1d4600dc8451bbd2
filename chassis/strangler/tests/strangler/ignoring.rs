//! Rules for differences that are meant.

use std::time::Duration;

use offshoot_strangler::{IgnoreRule, Look, Migration, Refusal, RequestKind, State, Step, Verb, step};

use crate::world::{READ, apply, at, now, request, view};

const HOUR: Duration = Duration::from_secs(3_600);

fn rule(path: &str) -> IgnoreRule {
    IgnoreRule {
        method: READ.to_owned(),
        path: path.to_owned(),
        unordered: false,
        reason: "generated".to_owned(),
        until: now().plus(HOUR),
    }
}

fn ignore(record: &Migration, rule: IgnoreRule) -> Result<Step, Refusal> {
    apply(record, &view(record), RequestKind::Ignore(rule))
}

#[test]
fn a_rule_is_one_step_and_needs_a_reason_a_method_and_an_end() {
    let shadow = at(State::Shadow);
    let step = ignore(&shadow, rule("height")).expect("a valid rule");
    let entry = step.entry.expect("an entry");
    assert_eq!(
        (entry.verb, entry.reason.as_str()),
        (Verb::Ignore, "reading height: generated")
    );
    assert_eq!(step.migration.generation, shadow.generation + 1);
    assert_eq!(step.migration.entered, shadow.entered, "the evidence goes on");
    assert_eq!(step.migration.rules, [rule("height")]);

    let mut silent = rule("height");
    silent.reason.clear();
    assert!(matches!(ignore(&shadow, silent), Err(Refusal::NeedsReason(_))));
    let mut past = rule("height");
    past.until = now();
    assert!(matches!(ignore(&shadow, past), Err(Refusal::InvalidRule { .. })));
    let mut unknown = rule("height");
    unknown.method = "read".to_owned();
    assert!(matches!(ignore(&shadow, unknown), Err(Refusal::InvalidRule { .. })));
    let fresh = Migration::new(7, now());
    assert_eq!(ignore(&fresh, rule("height")), Err(Refusal::NotStarted));
}

#[test]
fn a_rule_replaces_the_one_before_and_outlives_no_end() {
    let mut record = at(State::Shadow);
    record.looks = [("mismatch:reading", 1), ("slow", 2)]
        .map(|(gate, bad)| (gate.to_owned(), Look { number: 0, bad, n: 10 }))
        .into();
    record = ignore(&record, rule("height")).expect("a valid rule").migration;
    assert_eq!(
        record.looks.keys().collect::<Vec<_>>(),
        ["slow"],
        "differences are looked at anew"
    );
    let mut newer = rule("height");
    newer.reason = "rounded".to_owned();
    newer.until = now().plus(2 * HOUR);
    record = ignore(&record, newer.clone()).expect("a valid rule").migration;
    assert_eq!(record.rules, [newer.clone()]);
    record = ignore(&record, rule("seen")).expect("a valid rule").migration;
    assert_eq!(record.rules.len(), 2);
    let mut late = rule("depth");
    late.until = now().plus(3 * HOUR);
    let request = request(&record, RequestKind::Ignore(late.clone()));
    let later = step(&record, &view(&record), &request, now().plus(HOUR)).expect("a valid rule");
    assert_eq!(later.migration.rules, [newer, late], "the rule for `seen` has ended");
}

#[test]
fn rules_are_few() {
    let mut record = at(State::Shadow);
    for number in 0..50 {
        record = ignore(&record, rule(&format!("field{number}")))
            .expect("a valid rule")
            .migration;
    }
    let refusal = ignore(&record, rule("field50")).expect_err("too many");
    assert!(refusal.to_string().contains("50 rules"), "{refusal}");
    assert!(ignore(&record, rule("field7")).is_ok(), "a replacement adds none");
}

#[test]
fn a_record_without_rules_is_read() {
    let record = at(State::Shadow);
    let mut json = serde_json::to_value(&record).expect("a record encodes");
    json.as_object_mut().expect("an object").remove("rules");
    assert_eq!(
        serde_json::from_value::<Migration>(json).expect("an older record"),
        record
    );
}
