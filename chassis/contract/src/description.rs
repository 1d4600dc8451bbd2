//! Descriptions of contracts as data, the source of OpenAPI documents, compatibility checks and contract hashes. Knows no
//! contract as a type.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::method_spec::MethodSpec;
use crate::shape::Shape;

/// Description of a contract. Released descriptions are committed and never edited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractDescription {
    /// The module's name.
    pub name: String,
    /// `major.minor`.
    pub version: String,
    /// SHA-256 of the shape, hexadecimal. Independent of documentation texts.
    pub hash: String,
    /// Documentation of the trait.
    pub doc: String,
    /// Methods in the order of the trait.
    pub methods: Vec<MethodDescription>,
    /// Published events in the order of the enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventDescription>,
    /// Named schemas.
    pub schemas: BTreeMap<String, Value>,
}

/// Description of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodDescription {
    /// Name.
    pub name: String,
    /// Documentation.
    pub doc: String,
    /// `GET`, `PUT`, `POST`, `DELETE`.
    pub verb: String,
    /// Path template below the contract's root.
    pub path: String,
    /// `safe`, `idempotent`, `unsafe`.
    pub class: String,
    /// Name of the parameter with the entity key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether a follower may answer.
    pub stale_ok: bool,
    /// Largest request body, bytes.
    pub max_bytes: usize,
    /// Longest execution, milliseconds.
    pub timeout_ms: u64,
    /// Schema of the path and query parameters.
    pub params: Value,
    /// Schema of the JSON body; none without a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Schema of the answer; none for `()`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Domain errors of the contract.
    pub errors: Vec<ErrorDescription>,
}

/// Description of a domain error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorDescription {
    /// Name of the enum variant.
    pub variant: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// Documentation.
    pub doc: String,
    /// Schema of each field.
    pub fields: BTreeMap<String, Value>,
}

impl ErrorDescription {
    /// A domain error without fields.
    #[must_use]
    pub fn new(variant: &str, status: u16, code: &str, doc: &str) -> Self {
        Self {
            variant: variant.to_owned(),
            status,
            code: code.to_owned(),
            doc: doc.to_owned(),
            fields: BTreeMap::new(),
        }
    }

    /// Adds a field with a self-contained schema.
    #[must_use]
    pub fn with_field<T: JsonSchema>(mut self, name: &str) -> Self {
        let mut settings = SchemaSettings::draft2020_12();
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        let schema = settings.into_generator().into_root_schema_for::<T>();
        self.fields.insert(name.to_owned(), schema.to_value());
        self
    }
}

/// Description of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventDescription {
    /// Name.
    pub name: String,
    /// Version of the payload.
    pub version: u32,
    /// Documentation.
    pub doc: String,
    /// Name of the payload field with the ordering key.
    pub key: String,
    /// Schema of the payload.
    pub payload: Value,
}

impl MethodDescription {
    pub(crate) fn new(
        spec: &MethodSpec,
        params: Schema,
        body: Option<Schema>,
        answer: Schema,
        errors: Vec<ErrorDescription>,
    ) -> Self {
        let answer = answer.to_value();
        Self {
            name: spec.name.to_owned(),
            doc: spec.doc.to_owned(),
            verb: spec.verb.as_str().to_owned(),
            path: spec.path.to_owned(),
            class: spec.class.as_str().to_owned(),
            key: spec.key.map(str::to_owned),
            stale_ok: spec.stale_ok,
            max_bytes: spec.max_bytes,
            timeout_ms: u64::try_from(spec.timeout.as_millis()).unwrap_or(u64::MAX),
            params: params.to_value(),
            body: body.map(Schema::to_value),
            answer: (answer != json!({"type": "null"})).then_some(answer),
            errors,
        }
    }

    /// Whether the documentation names an error.
    fn names(&self, error: &ErrorDescription) -> bool {
        self.doc.contains(&format!("`{}`", error.variant))
    }
}

impl ContractDescription {
    /// The major version.
    #[must_use]
    pub fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }

    /// The errors of a method: those that its documentation names, such as "Fails with `UnknownStation`", and those that no
    /// method names.
    #[must_use]
    pub fn errors_of<'a>(&self, method: &'a MethodDescription) -> Vec<&'a ErrorDescription> {
        let is_possible =
            |error: &&ErrorDescription| method.names(error) || !self.methods.iter().any(|another| another.names(error));
        method.errors.iter().filter(is_possible).collect()
    }

    /// The shape of one of this contract's schemas.
    #[must_use]
    pub fn shape(&self, schema: &Value) -> Shape {
        Shape::from_schema(schema, &self.schemas)
    }

    /// SHA-256 of name, major version and the shapes of all methods and events.
    pub(crate) fn shape_hash(&self) -> String {
        let mut methods: Vec<_> = self.methods.iter().map(|method| self.method_shape(method)).collect();
        methods.sort_by_key(|method| method[0].to_string());
        let mut events: Vec<_> = self.events.iter().map(|event| self.event_shape(event)).collect();
        events.sort_by_key(ToString::to_string);
        // Without events, the hash equals the hash of contracts released before events existed.
        let mut shape = match events.is_empty() {
            true => json!([self.name, self.major(), methods]),
            false => json!([self.name, self.major(), methods, events]),
        };
        // The order of JSON objects depends on a feature of serde_json that any crate in the build may enable.
        shape.sort_all_objects();
        Sha256::digest(shape.to_string())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn event_shape(&self, event: &EventDescription) -> Value {
        json!([event.name, event.version, event.key, self.shape(&event.payload)])
    }

    fn method_shape(&self, method: &MethodDescription) -> Value {
        let shape = |schema: &Value| self.shape(schema);
        let errors: BTreeMap<_, _> = method
            .errors
            .iter()
            .map(|error| {
                let fields: BTreeMap<_, _> = error
                    .fields
                    .iter()
                    .map(|(name, schema)| (name, shape(schema)))
                    .collect();
                (&error.code, (error.status, fields))
            })
            .collect();
        json!([
            method.name,
            method.verb,
            method.path,
            method.class,
            shape(&method.params),
            method.body.as_ref().map(shape),
            method.answer.as_ref().map(shape),
            errors,
        ])
    }
}
