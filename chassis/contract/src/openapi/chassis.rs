//! Operations that the chassis answers for every module: the identity of the server and the feed of events. They are not
//! methods of the contract, and other modules call them through `chassis/rest` and `chassis/outbox`.

use serde_json::{Map, Value, json};

use super::CALL_FAILURE;
use crate::description::{ContractDescription, EventDescription};

/// The paths of the chassis for a contract.
pub(super) fn paths(contract: &ContractDescription) -> Map<String, Value> {
    let (name, major) = (&contract.name, contract.major());
    let events = format!("/modules/{name}/v{major}/events");
    let operations = [
        (format!("/modules/{name}/contract"), identity()),
        (format!("{events}/head"), read_head()),
        (events, read_events(&contract.events)),
    ];
    let tagged = |(path, mut operation): (String, Value)| {
        operation["tags"] = json!([name]);
        operation["responses"]["default"] = json!({ "$ref": format!("#/components/responses/{CALL_FAILURE}") });
        operation["x-idempotency-class"] = json!("safe");
        (path, json!({ "get": operation }))
    };
    operations.map(tagged).into_iter().collect()
}

fn identity() -> Value {
    operation(
        "identity",
        "Returns the versions that the server serves, and the id of the module's data.",
        "ContractIdentity",
        json!([]),
    )
}

fn read_head() -> Value {
    let beyond = parameter(
        "beyond",
        "int64",
        "The last position that the reader knows; below 0 for an answer at once.",
    );
    operation(
        "read_head",
        "Returns the end of the log of events, as soon as the last position is above `beyond`, or after 20 seconds.",
        "EventLogHead",
        json!([beyond]),
    )
}

fn read_events(events: &[EventDescription]) -> Value {
    let summary = "Returns published events after a position, in the order of the log.";
    let mut reader = parameter(
        "reader",
        "",
        "The calling module, `/`, and the name of the subscription.",
    );
    reader["schema"] = json!({ "type": "string", "minLength": 1, "maxLength": 100 });
    let parameters = json!([
        reader,
        parameter(
            "after",
            "int64",
            "The last position that the reader has handled; 0 before the first event."
        ),
        parameter("partition", "int32", "The partition, 0 to `partitions` - 1."),
        parameter(
            "partitions",
            "int32",
            "Number of partitions: a power of two, at most 64."
        ),
        parameter(
            "limit",
            "uint32",
            "Maximum number of events; the server may send fewer."
        ),
    ]);
    let mut operation = operation("read_events", summary, "EventLogPage", parameters);
    let lines = events.iter().map(|event| {
        let EventDescription {
            name,
            version,
            key,
            doc,
            ..
        } = event;
        format!("- `{name}` version {version}, key `{key}`: {}", doc.replace('\n', " "))
    });
    let lines: Vec<_> = lines.collect();
    let list = match lines.is_empty() {
        true => "The module publishes no events.".to_owned(),
        false => format!("Events:\n\n{}", lines.join("\n")),
    };
    operation["description"] = json!(format!("{summary}\n\n{list}"));
    operation["x-events"] = events
        .iter()
        .map(
            |event| json!({ "name": event.name, "version": event.version, "key": event.key, "payload": event.payload }),
        )
        .collect();
    operation
}

fn operation(id: &str, summary: &str, answer: &str, parameters: Value) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{answer}") });
    json!({
        "operationId": id,
        "summary": summary,
        "description": summary,
        "parameters": parameters,
        "responses": {
            "200": { "description": "The answer.", "content": { "application/json": { "schema": schema } } },
        },
    })
}

fn parameter(name: &str, format: &str, description: &str) -> Value {
    json!({
        "name": name,
        "in": "query",
        "required": true,
        "description": description,
        "schema": { "type": "integer", "format": format },
    })
}

/// The schemas of the answers.
pub(super) fn schemas() -> impl Iterator<Item = (&'static str, Value)> {
    identity_schemas().into_iter().chain(event_schemas())
}

fn identity_schemas() -> [(&'static str, Value); 2] {
    let identity = [
        ("name", text("The module.")),
        ("versions", list("ContractVersion", "One entry for each major version.")),
        ("store_id", uuid("Id of the module's data.")),
        ("instance", uuid("Id of the process.")),
    ];
    let version = [
        ("version", text("Major and minor version.")),
        (
            "hash",
            text("Hash of the contract's description, 64 hexadecimal digits."),
        ),
    ];
    [
        (
            "ContractIdentity",
            object(
                "The versions of a contract that a server serves, and the data behind them.",
                identity,
            ),
        ),
        ("ContractVersion", object("A version that a server serves.", version)),
    ]
}

fn event_schemas() -> [(&'static str, Value); 3] {
    let head = [
        ("log_id", uuid("Changes when positions no longer mean the same events.")),
        ("last", position("The last position; 0 for an empty log.")),
        (
            "removed_through",
            position("The highest removed position; 0 if none was removed."),
        ),
    ];
    let mut complete_at = time("Present at the end of the log: each event published before is at or before `through`.");
    complete_at["type"] = json!(["string", "null"]);
    let page = [
        ("head", reference("EventLogHead")),
        (
            "through",
            position("The page has every event of the partition up to this position."),
        ),
        ("complete_at", complete_at),
        ("events", list("EventLogEntry", "The events, by rising position.")),
    ];
    let entry = [
        ("position", position("Position in the log, from 1.")),
        ("name", text("Name of the event.")),
        (
            "version",
            json!({ "type": "integer", "format": "uint32", "minimum": 0, "description": "Version of the payload." }),
        ),
        ("key", text("Events of one key are handled in order.")),
        ("payload", text("The payload as JSON, as published.")),
        ("at", time("Time of publication.")),
    ];
    [
        ("EventLogHead", object("The end of a log of events.", head)),
        ("EventLogPage", object("Events of one partition.", page)),
        ("EventLogEntry", object("A published event.", entry)),
    ]
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn uuid(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": description })
}

fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

fn position(description: &str) -> Value {
    json!({ "type": "integer", "format": "int64", "description": description })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn list(name: &str, description: &str) -> Value {
    json!({ "type": "array", "items": reference(name), "description": description })
}

/// An object. Members that may be null may be left out.
fn object<const N: usize>(description: &str, members: [(&str, Value); N]) -> Value {
    let required = members.iter().filter(|(_, schema)| !schema["type"].is_array());
    let required: Vec<_> = required.map(|(name, _)| *name).collect();
    let properties: Map<_, _> = members
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({ "type": "object", "description": description, "properties": properties, "required": required })
}
