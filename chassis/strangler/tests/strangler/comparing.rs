//! Comparison of answers.

use offshoot_strangler::{
    Comparison, Difference, DifferenceKind, IgnoreRule, differences, fields, is_replayable, judge_comparison, redact,
};
use serde_json::{Value, json};

use crate::world::now;

fn found(control: Value, candidate: Value) -> Vec<String> {
    let found = differences(&control, &candidate);
    found
        .iter()
        .map(|found| format!("{} {}", found.path, found.kind))
        .collect()
}

#[test]
fn differences_name_the_field_and_the_kind() {
    let control = json!({"name": "Mug", "lines": [{"height": 5}, {"height": 7}], "tags": ["a", "b"], "gone": 1});
    let candidate = json!({"name": 3, "lines": [{"height": 5}, {"height": 8}], "tags": ["b", "a"], "more": 1});
    let expected = [
        "gone missing",
        "lines[].height value",
        "more unexpected",
        "name type",
        "tags order",
    ];
    assert_eq!(found(control, candidate), expected);
    assert_eq!(found(json!([1, 2]), json!([1])), [" length"]);
    assert!(found(json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})).is_empty());
}

#[test]
fn two_huge_answers_have_a_bounded_number_of_differences() {
    let object = |value: u32| Value::Object((0..10_000).map(|field| (format!("f{field}"), json!(value))).collect());
    assert_eq!(differences(&object(1), &object(2)).len(), 32);
}

#[test]
fn the_control_decides_what_is_noise() {
    let answer = |height: u32, seen: u32| json!({"height": height, "seen": seen});
    let judge = |given: &Value, candidate: &Value, again: &Value| judge_comparison(given, candidate, Some(again));
    let given = answer(5, 1);
    assert_eq!(judge_comparison(&given, &answer(5, 1), None), Some(Comparison::Match));
    assert_eq!(
        judge_comparison(&given, &answer(6, 1), None),
        None,
        "ask the control again"
    );
    // The height changed between the two answers of the control.
    assert_eq!(judge(&given, &answer(6, 1), &answer(6, 1)), Some(Comparison::Match));
    let wrong = Difference {
        path: "height".to_owned(),
        kind: DifferenceKind::Value,
    };
    let mismatch = Some(Comparison::Mismatch([wrong].into()));
    assert_eq!(judge(&given, &answer(6, 1), &given), mismatch);
    let noise = Some(Comparison::Noise(["seen".to_owned()].into()));
    assert_eq!(judge(&given, &answer(5, 3), &answer(5, 2)), noise);
    assert_eq!(judge(&given, &answer(6, 3), &answer(5, 2)), Some(Comparison::Unsettled));
}

#[test]
fn rules_cover_a_field_of_a_method_for_a_time() {
    let rule = |path: &str, unordered| IgnoreRule {
        method: "reading".to_owned(),
        path: path.to_owned(),
        unordered,
        reason: "generated".to_owned(),
        until: now().plus(std::time::Duration::from_secs(60)),
    };
    let difference = |path: &str, kind| Difference {
        path: path.to_owned(),
        kind,
    };
    let value = |path: &str| difference(path, DifferenceKind::Value);
    let lines = rule("lines", false);
    assert!(lines.covers("reading", &value("lines"), now()));
    assert!(lines.covers("reading", &value("lines[].height"), now()));
    assert!(!lines.covers("reading", &value("lines_total"), now()));
    assert!(!lines.covers("readings", &value("lines"), now()));
    assert!(
        !lines.covers("reading", &value("lines"), lines.until),
        "the rule has ended"
    );
    let unordered = rule("lines", true);
    assert!(unordered.covers("reading", &difference("lines", DifferenceKind::Order), now()));
    assert!(!unordered.covers("reading", &value("lines"), now()));
}

#[test]
fn coverage_knows_each_field() {
    let answer = json!({"name": "Mug", "lines": [{"height": 5}, {"height": 7, "note": null}], "tags": []});
    let expected = ["lines[].height", "lines[].note", "name"];
    assert_eq!(fields(&answer).into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn redaction_keeps_codes_and_hides_people() {
    let key = [7; 32];
    let plain = json!({"id": "prd_01jqv8y2n3k4m5p6q7r8s9t0ab", "at": "2026-01-05T10:00:00Z", "code": "not-found",
        "currency": "EUR", "amount": 12, "open": true, "none": null, "uuid": "01890a5d-ac96-774b-bcce-b302099a8057"});
    assert_eq!(redact(&plain, &key), plain);
    assert!(is_replayable(&plain));
    for text in [
        "Ada Lovelace",
        "ada@example.org",
        "+44 20 7946 0018",
        "02079460018",
        "12 High Street",
        "ada",
    ] {
        let value = json!({"field": [text]});
        let hidden = redact(&value, &key).to_string();
        assert!(!hidden.contains(text) && hidden.contains("characters"), "{hidden}");
        assert!(!is_replayable(&value));
        assert_eq!(redact(&value, &key), redact(&value, &key), "equal texts look equal");
        assert_ne!(redact(&value, &key), redact(&value, &[8; 32]));
    }
}
