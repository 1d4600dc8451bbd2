//! What counts as a breaking change.

use offshoot_contract::{ContractDescription, EventDescription, Shape, breaches, describe};
use serde_json::{Value, json};

use crate::counters::CountersApi;

fn changed(change: impl FnOnce(&mut ContractDescription)) -> Vec<String> {
    let old = describe::<dyn CountersApi>();
    let mut new = old.clone();
    change(&mut new);
    breaches(&old, &new).iter().map(ToString::to_string).collect()
}

fn object(fields: Value, required: Value) -> Value {
    json!({ "type": "object", "properties": fields, "required": required })
}

#[test]
fn what_is_added_breaks_nobody() {
    assert_eq!(changed(|_| {}), [""; 0]);
    let optional = json!({"value": {"type": "integer", "format": "uint32"}, "note": {"type": "string"}});
    assert_eq!(
        changed(|new| new.methods[1].body = Some(object(optional, json!(["value"])))),
        [""; 0]
    );
    assert_eq!(changed(|new| new.methods.push(new.methods[0].clone())), [""; 0]);
    let prose = |new: &mut ContractDescription| new.methods[0].doc = "Other words.".to_owned();
    assert_eq!(changed(prose), [""; 0]);
}

#[test]
fn what_an_old_caller_sends_must_be_read() {
    let narrower = json!({"value": {"type": "integer", "format": "uint8"}});
    let found = changed(|new| new.methods[1].body = Some(object(narrower, json!(["value"]))));
    assert_eq!(
        found,
        ["set body.value: the range of numbers is narrower on the reading side"]
    );
    let demanding = json!({"value": {"type": "integer", "format": "uint32"}, "note": {"type": "string"}});
    let found = changed(|new| new.methods[1].body = Some(object(demanding, json!(["value", "note"]))));
    assert_eq!(
        found,
        ["set body: `note` is required by the reading side and is not sent"]
    );
    let renamed = json!({"amount": {"type": "integer", "format": "uint32"}});
    let found = changed(|new| new.methods[1].body = Some(object(renamed, json!([]))));
    assert_eq!(found, ["set body: `value` is sent and is not known any more"]);
}

#[test]
fn what_an_old_caller_reads_must_be_answered() {
    let found = changed(|new| new.methods[0].answer = Some(json!({"type": "string"})));
    assert_eq!(found, ["value answer: the type has changed"]);
    let found = changed(|new| new.methods[0].answer = None);
    assert_eq!(found, ["value answer: there was one and is none"]);
    let mut old = describe::<dyn CountersApi>();
    old.methods[0].answer = None;
    let found = breaches(&old, &describe::<dyn CountersApi>());
    assert_eq!(
        found.len(),
        1,
        "an old stub reads `()` where an answer comes: {found:?}"
    );
}

#[test]
fn a_method_keeps_its_place_and_its_class() {
    assert_eq!(
        changed(|new| drop(new.methods.remove(0))),
        ["value: the method is gone"]
    );
    let found = changed(|new| new.methods[1].class = "unsafe".to_owned());
    assert_eq!(found, ["set: the idempotency class was idempotent and is unsafe"]);
}

/// An enum as its author writes it: cases with documentation.
#[derive(schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is looked at")]
enum Colour {
    /// Like blood.
    Red,
    /// Like the sky.
    Blue,
}

#[derive(schemars::JsonSchema)]
#[schemars(extend("x-open" = true))]
#[expect(dead_code, reason = "only its schema is looked at")]
enum OpenColour {
    /// Like blood.
    Red,
    /// Like the sky.
    Blue,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Flattened {
    name: String,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
#[serde(tag = "kind")]
enum Rest {
    A { a: u32 },
    B { b: u32 },
}

fn shape_of<T: schemars::JsonSchema>() -> Shape {
    let schema = schemars::schema_for!(T).to_value();
    Shape::of(&schema, &std::collections::BTreeMap::new())
}

#[test]
fn a_documented_enum_is_a_choice_and_can_be_declared_open() {
    let choice = |values: [&str; 2], open| Shape::Choice {
        values: values.map(str::to_owned).into(),
        open,
    };
    assert_eq!(shape_of::<Colour>(), choice(["red", "blue"], false));
    assert_eq!(shape_of::<OpenColour>(), choice(["Red", "Blue"], true));
}

#[test]
fn fields_beside_flattened_cases_belong_to_every_case() {
    let Shape::OneOf(cases) = shape_of::<Flattened>() else {
        panic!("two cases: {:?}", shape_of::<Flattened>());
    };
    assert_eq!(cases.len(), 2);
    for case in cases {
        let Shape::Record(fields) = case else {
            panic!("{case:?}")
        };
        assert!(fields.contains_key("name") && fields.contains_key("kind"), "{fields:?}");
    }
}

#[test]
fn a_new_case_in_an_answer_breaks_unless_it_was_declared_open() {
    let answer = |cases: Value, open: bool| json!({"type": "string", "enum": cases, "x-open": open});
    for (open, expected) in [(false, 1), (true, 0)] {
        let mut old = describe::<dyn CountersApi>();
        old.methods[0].answer = Some(answer(json!(["a", "b"]), open));
        let mut new = old.clone();
        new.methods[0].answer = Some(answer(json!(["a", "b", "c"]), open));
        assert_eq!(breaches(&old, &new).len(), expected, "open: {open}");
        assert_eq!(breaches(&new, &old).len(), 0, "a case less breaks nobody");
    }
}

/// A contract with one event, and the same after a change.
fn announced(change: impl FnOnce(&mut EventDescription)) -> Vec<String> {
    let event = EventDescription {
        name: "counted".to_owned(),
        version: 1,
        doc: String::new(),
        key: "id".to_owned(),
        payload: object(
            json!({"id": {"type": "string"}, "value": {"type": "integer", "format": "uint32"}}),
            json!(["id", "value"]),
        ),
    };
    let mut old = describe::<dyn CountersApi>();
    old.events.push(event);
    let mut new = old.clone();
    change(&mut new.events[0]);
    breaches(&old, &new).iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_added_to_an_event_breaks_nobody_if_it_may_be_absent() {
    let fields =
        json!({"id": {"type": "string"}, "value": {"type": "integer", "format": "uint32"}, "note": {"type": "string"}});
    let optional = fields.clone();
    assert_eq!(
        announced(|event| event.payload = object(optional, json!(["id", "value"]))),
        [""; 0]
    );
    // It is in no log that was written before.
    assert_eq!(
        announced(|event| event.payload = object(fields, json!(["id", "value", "note"]))),
        ["event counted version 1 in a replay: `note` is required by the reading side and is not sent"]
    );
}

#[test]
fn what_older_subscribers_read_must_be_announced() {
    let without = object(json!({"id": {"type": "string"}}), json!(["id"]));
    assert_eq!(
        announced(|event| event.payload = without),
        ["event counted version 1 to older subscribers: `value` is required by the reading side and is not sent"]
    );
    assert_eq!(
        announced(|event| event.version = 2),
        ["event counted version 1: the event is gone, and is still in logs that will be replayed"]
    );
    assert_eq!(
        announced(|event| event.key = "value".to_owned()),
        ["event counted version 1: the key was id and is value"]
    );
}

#[test]
fn a_contract_without_events_is_described_as_before() {
    let plain = describe::<dyn CountersApi>();
    let again = describe::<dyn CountersApi>();
    assert_eq!(plain.hash, again.hash);
    let announcing = serde_json::to_value(&plain).expect("it serializes");
    assert!(
        announcing.get("events").is_none(),
        "a contract without events is described as before"
    );
}
