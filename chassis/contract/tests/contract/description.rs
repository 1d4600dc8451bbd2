//! Descriptions and OpenAPI documents of a contract.

use offshoot_contract::{ContractDescription, ErrorDescription, Field, Shape, describe, openapi};

use crate::counters::CountersApi;

#[test]
fn the_description_lists_every_method_with_class_key_and_timeout() {
    let description = describe::<dyn CountersApi>();
    let methods: Vec<_> = description
        .methods
        .iter()
        .map(|method| {
            (
                method.name.as_str(),
                method.verb.as_str(),
                method.class.as_str(),
                method.timeout_ms,
            )
        })
        .collect();
    assert_eq!(
        methods,
        [
            ("value", "GET", "safe", 10_000),
            ("set", "PUT", "idempotent", 10_000),
            ("add", "POST", "unsafe", 300)
        ]
    );
    assert!(
        description
            .methods
            .iter()
            .all(|method| method.key.as_deref() == Some("id"))
    );
}

#[test]
fn the_hash_is_stable_and_the_description_survives_a_round_trip_as_json() {
    let description = describe::<dyn CountersApi>();
    assert_eq!(description.hash, describe::<dyn CountersApi>().hash);
    assert_eq!(description.hash.len(), 64);
    let json = serde_json::to_string(&description).unwrap();
    assert_eq!(
        serde_json::from_str::<offshoot_contract::ContractDescription>(&json).unwrap(),
        description
    );
}

#[test]
fn the_openapi_document_contains_paths_bodies_and_errors() {
    let document = openapi(&describe::<dyn CountersApi>());
    let path = &document["paths"]["/modules/counters/v1/counters/{id}"];
    assert_eq!(path["get"]["operationId"], "value");
    assert_eq!(path["put"]["requestBody"]["required"], true);
    let add = &document["paths"]["/modules/counters/v1/counters/{id}/additions"]["post"];
    assert_eq!(add["summary"], "Adds to a counter and returns the sum.");
    assert!(
        path["get"]["responses"]["404"]["description"]
            .as_str()
            .unwrap()
            .contains("unknown-counter")
    );
}

#[test]
fn a_method_documents_the_errors_that_it_names_and_those_that_no_method_names() {
    let mut description = describe::<dyn CountersApi>();
    for method in &mut description.methods {
        method
            .errors
            .push(ErrorDescription::new("Broken", 409, "broken", "The counter is broken."));
    }
    let variants = |description: &ContractDescription, index: usize| -> Vec<String> {
        let errors = description.errors_of(&description.methods[index]);
        errors.into_iter().map(|error| error.variant.clone()).collect()
    };
    assert_eq!(variants(&description, 0), ["UnknownCounter", "Broken"]);
    assert_eq!(variants(&description, 1), ["Broken"]);
    description.methods[1].doc.push_str(" Fails with `Broken`.");
    assert_eq!(variants(&description, 0), ["UnknownCounter"]);
    let document = openapi(&description);
    let path = &document["paths"]["/modules/counters/v1/counters/{id}"];
    assert!(path["get"]["responses"].get("409").is_none());
    let schema = &path["put"]["responses"]["409"]["content"]["application/problem+json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/BrokenProblem");
    assert_eq!(path["put"]["description"], "Sets a counter. Fails with `broken`.");
    let code = &document["components"]["schemas"]["BrokenProblem"]["properties"]["code"];
    assert_eq!(code["const"], "broken");
}

#[test]
fn limits_are_in_the_schema_and_leave_the_hash_as_it_is() {
    let description = describe::<dyn CountersApi>();
    let add = description.methods.iter().find(|method| method.name == "add").unwrap();
    let amount = |description: &ContractDescription| {
        description.methods[2].body.clone().unwrap()["properties"]["amount"].clone()
    };
    assert_eq!(amount(&description)["maximum"], 1_000);
    assert_eq!(
        description.shape(add.body.as_ref().unwrap()),
        Shape::Record(
            [(
                "amount".to_owned(),
                Field {
                    shape: Shape::Integer {
                        min: Some(0),
                        max: Some(u32::MAX.into())
                    },
                    required: true
                }
            )]
            .into()
        )
    );
}
