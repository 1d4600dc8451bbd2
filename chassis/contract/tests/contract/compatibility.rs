//! Detection of breaking changes between two descriptions of a contract.

use offshoot_contract::{ContractDescription, EventDescription, Shape, breaking_changes, describe};
use serde_json::{Value, json};

use crate::counters::CountersApi;

/// Breaking changes found after `change` to the contract.
fn found_after(change: impl FnOnce(&mut ContractDescription)) -> Vec<String> {
    let old = describe::<dyn CountersApi>();
    let mut new = old.clone();
    change(&mut new);
    breaking_changes(&old, &new).iter().map(ToString::to_string).collect()
}

fn object(fields: Value, required: Value) -> Value {
    json!({ "type": "object", "properties": fields, "required": required })
}

#[test]
fn additions_are_not_breaking() {
    assert_eq!(found_after(|_| {}), [""; 0]);
    let optional = json!({"value": {"type": "integer", "format": "uint32"}, "note": {"type": "string"}});
    assert_eq!(
        found_after(|new| new.methods[1].body = Some(object(optional, json!(["value"])))),
        [""; 0]
    );
    assert_eq!(found_after(|new| new.methods.push(new.methods[0].clone())), [""; 0]);
    let prose = |new: &mut ContractDescription| new.methods[0].doc = "Other words.".to_owned();
    assert_eq!(found_after(prose), [""; 0]);
}

#[test]
fn a_request_of_an_old_caller_must_stay_readable() {
    let narrower = json!({"value": {"type": "integer", "format": "uint8"}});
    let found = found_after(|new| new.methods[1].body = Some(object(narrower, json!(["value"]))));
    assert_eq!(
        found,
        ["set body.value: the range of numbers is narrower on the reading side"]
    );
    let demanding = json!({"value": {"type": "integer", "format": "uint32"}, "note": {"type": "string"}});
    let found = found_after(|new| new.methods[1].body = Some(object(demanding, json!(["value", "note"]))));
    assert_eq!(
        found,
        ["set body: `note` is required by the reading side, but is not sent"]
    );
    let renamed = json!({"amount": {"type": "integer", "format": "uint32"}});
    let found = found_after(|new| new.methods[1].body = Some(object(renamed, json!([]))));
    assert_eq!(
        found,
        ["set body: `value` is sent, but the reading side does not know it"]
    );
}

#[test]
fn an_old_caller_must_be_able_to_read_new_answers() {
    let found = found_after(|new| new.methods[0].answer = Some(json!({"type": "string"})));
    assert_eq!(found, ["value answer: the type has changed"]);
    let found = found_after(|new| new.methods[0].answer = None);
    assert_eq!(found, ["value answer: it was removed"]);
    let mut old = describe::<dyn CountersApi>();
    old.methods[0].answer = None;
    let found = breaking_changes(&old, &describe::<dyn CountersApi>());
    assert_eq!(
        found.len(),
        1,
        "an old stub expects `()` and cannot read an answer: {found:?}"
    );
}

#[test]
fn removing_a_method_or_changing_its_class_is_breaking() {
    assert_eq!(
        found_after(|new| drop(new.methods.remove(0))),
        ["value: the method was removed"]
    );
    let found = found_after(|new| new.methods[1].class = "unsafe".to_owned());
    assert_eq!(found, ["set: the idempotency class changed from idempotent to unsafe"]);
}

/// An enum with documented variants.
#[derive(schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only the schema is used")]
enum Colour {
    /// Like blood.
    Red,
    /// Like the sky.
    Blue,
}

#[derive(schemars::JsonSchema)]
#[schemars(extend("x-open" = true))]
#[expect(dead_code, reason = "only the schema is used")]
enum OpenColour {
    /// Like blood.
    Red,
    /// Like the sky.
    Blue,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only the schema is used")]
struct Flattened {
    name: String,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only the schema is used")]
#[serde(tag = "kind")]
enum Rest {
    A { a: u32 },
    B { b: u32 },
}

fn shape_of<T: schemars::JsonSchema>() -> Shape {
    let schema = schemars::schema_for!(T).to_value();
    Shape::from_schema(&schema, &std::collections::BTreeMap::new())
}

#[test]
fn a_documented_enum_has_the_shape_of_a_choice_and_can_be_declared_open() {
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
        panic!("expected a union of two cases, got {:?}", shape_of::<Flattened>());
    };
    assert_eq!(cases.len(), 2);
    for case in cases {
        let Shape::Record(fields) = case else {
            panic!("expected a record, got {case:?}")
        };
        assert!(fields.contains_key("name") && fields.contains_key("kind"), "{fields:?}");
    }
}

#[test]
fn a_new_case_in_an_answer_is_breaking_unless_the_enum_is_open() {
    let answer = |cases: Value, open: bool| json!({"type": "string", "enum": cases, "x-open": open});
    for (open, expected) in [(false, 1), (true, 0)] {
        let mut old = describe::<dyn CountersApi>();
        old.methods[0].answer = Some(answer(json!(["a", "b"]), open));
        let mut new = old.clone();
        new.methods[0].answer = Some(answer(json!(["a", "b", "c"]), open));
        assert_eq!(breaking_changes(&old, &new).len(), expected, "open: {open}");
        assert_eq!(
            breaking_changes(&new, &old).len(),
            0,
            "removing a case from an answer is not breaking"
        );
    }
}

/// Breaking changes found after `change` to the event of a contract.
fn found_after_event(change: impl FnOnce(&mut EventDescription)) -> Vec<String> {
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
    breaking_changes(&old, &new).iter().map(ToString::to_string).collect()
}

#[test]
fn adding_an_optional_field_to_an_event_is_not_breaking_and_a_required_one_is() {
    let fields =
        json!({"id": {"type": "string"}, "value": {"type": "integer", "format": "uint32"}, "note": {"type": "string"}});
    let optional = fields.clone();
    assert_eq!(
        found_after_event(|event| event.payload = object(optional, json!(["id", "value"]))),
        [""; 0]
    );
    // Events in existing logs do not have the field.
    assert_eq!(
        found_after_event(|event| event.payload = object(fields, json!(["id", "value", "note"]))),
        ["event counted version 1 in a replay: `note` is required by the reading side, but is not sent"]
    );
}

#[test]
fn older_subscribers_must_be_able_to_read_new_events() {
    let without = object(json!({"id": {"type": "string"}}), json!(["id"]));
    assert_eq!(
        found_after_event(|event| event.payload = without),
        ["event counted version 1 to older subscribers: `value` is required by the reading side, but is not sent"]
    );
    assert_eq!(
        found_after_event(|event| event.version = 2),
        ["event counted version 1: the event was removed, but existing logs still contain it"]
    );
    assert_eq!(
        found_after_event(|event| event.key = "value".to_owned()),
        ["event counted version 1: the key changed from id to value"]
    );
}

#[test]
fn the_description_of_a_contract_without_events_has_no_events_member() {
    let description = describe::<dyn CountersApi>();
    assert_eq!(description.hash, describe::<dyn CountersApi>().hash);
    let json = serde_json::to_value(&description).expect("a description serializes");
    assert!(
        json.get("events").is_none(),
        "descriptions released before events existed have no such member"
    );
}
