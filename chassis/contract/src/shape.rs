//! Normalized JSON schemas, without documentation texts and without peculiarities of the schema generator. Contract
//! hashes and compatibility checks work on shapes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

/// The set of values allowed by a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Any value.
    Any,
    /// Null, or an absent value.
    Null,
    /// True or false.
    Bool,
    /// Whole numbers in a range.
    Integer {
        /// Minimum.
        min: Option<i64>,
        /// Maximum; none for 64-bit numbers.
        max: Option<i64>,
    },
    /// Any number.
    Number,
    /// Strings.
    Text {
        /// Regular expression for the whole string.
        pattern: Option<String>,
        /// JSON schema format.
        format: Option<String>,
    },
    /// One of a set of strings.
    Choice {
        /// The allowed strings.
        values: BTreeSet<String>,
        /// Whether the set is declared open: readers accept unknown strings.
        open: bool,
    },
    /// Lists.
    List(Box<Shape>),
    /// Objects with arbitrary keys.
    Map(Box<Shape>),
    /// Objects with fixed fields.
    Record(BTreeMap<String, Field>),
    /// Union of shapes.
    OneOf(BTreeSet<Shape>),
    /// Recursive reference to an enclosing definition, by name.
    Recursive(String),
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Field {
    /// Shape of the field's values.
    pub shape: Shape,
    /// Whether the field is always present.
    pub required: bool,
}

impl Shape {
    /// Normalizes a JSON schema. References are resolved in `definitions`.
    #[must_use]
    pub fn from_schema(schema: &Value, definitions: &BTreeMap<String, Value>) -> Self {
        Reader {
            definitions,
            enclosing: Vec::new(),
        }
        .read(schema)
    }
}

struct Reader<'a> {
    definitions: &'a BTreeMap<String, Value>,
    /// Names of the definitions around the current position.
    enclosing: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self, schema: &Value) -> Shape {
        let Value::Object(schema) = schema else {
            return Shape::Any;
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.resolve(reference);
        }
        if let Some(cases) = schema.get("allOf").and_then(Value::as_array) {
            let whole = self.read_own(schema);
            return cases
                .iter()
                .fold(whole, |whole, case| intersect(whole, self.read(case)));
        }
        if let Some(cases) = ["oneOf", "anyOf"].iter().find_map(|word| schema.get(*word)?.as_array()) {
            let shared = self.read_own(schema);
            let open = schema.get("x-open").and_then(Value::as_bool).unwrap_or(false);
            return union(
                cases
                    .iter()
                    .map(|case| intersect(shared.clone(), self.read(case)))
                    .collect(),
                open,
            );
        }
        self.read_own(schema)
    }

    /// Reads the keywords of the schema itself, without `allOf`, `oneOf` and `anyOf`.
    fn read_own(&mut self, schema: &Map<String, Value>) -> Shape {
        if let Some(Value::String(value)) = schema.get("const") {
            return choice([value.as_str()], schema);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return choice(values.iter().filter_map(Value::as_str), schema);
        }
        match schema.get("type") {
            Some(Value::Array(types)) => {
                let each = types
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|ty| self.read_type(ty, schema));
                union(each.collect(), false)
            }
            Some(Value::String(ty)) => self.read_type(ty, schema),
            _ => Shape::Any,
        }
    }

    fn resolve(&mut self, reference: &str) -> Shape {
        let name = reference.rsplit('/').next().unwrap_or(reference).to_owned();
        let Some(schema) = self.definitions.get(&name) else {
            return Shape::Any;
        };
        if self.enclosing.contains(&name) {
            return Shape::Recursive(name);
        }
        self.enclosing.push(name);
        let shape = self.read(schema);
        self.enclosing.pop();
        shape
    }

    fn read_type(&mut self, ty: &str, schema: &Map<String, Value>) -> Shape {
        let text = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
        match ty {
            "null" => Shape::Null,
            "boolean" => Shape::Bool,
            "integer" => integer(schema),
            "number" => Shape::Number,
            "string" => Shape::Text {
                pattern: text("pattern"),
                format: text("format"),
            },
            "array" => Shape::List(Box::new(
                schema.get("items").map_or(Shape::Any, |items| self.read(items)),
            )),
            "object" => self.read_object(schema),
            _ => Shape::Any,
        }
    }

    fn read_object(&mut self, schema: &Map<String, Value>) -> Shape {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return match schema.get("additionalProperties") {
                Some(values @ Value::Object(_)) => Shape::Map(Box::new(self.read(values))),
                Some(Value::Bool(true)) => Shape::Map(Box::new(Shape::Any)),
                // The schema of a struct without fields has no `properties` either.
                _ => Shape::Record(BTreeMap::new()),
            };
        };
        let required: BTreeSet<_> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let field = |(name, schema): (&String, &Value)| {
            let required = required.contains(name.as_str());
            let shape = self.read(schema);
            // An optional field may be absent. Whether null is allowed too depends on the schema generator.
            let shape = if required { shape } else { without_null(shape) };
            (name.clone(), Field { shape, required })
        };
        Shape::Record(properties.iter().map(field).collect())
    }
}

fn without_null(shape: Shape) -> Shape {
    match shape {
        Shape::OneOf(mut cases) => {
            cases.remove(&Shape::Null);
            union(cases, false)
        }
        other => other,
    }
}

/// Intersection of two shapes. Objects have the fields of both shapes. Otherwise `other` wins, because schemas list the
/// narrower shape last.
fn intersect(one: Shape, other: Shape) -> Shape {
    match (one, other) {
        (Shape::Any, shape) | (shape, Shape::Any) => shape,
        (Shape::Record(mut fields), Shape::Record(more)) => {
            fields.extend(more);
            Shape::Record(fields)
        }
        (Shape::OneOf(cases), other) => {
            let each = cases.into_iter().map(|case| intersect(case, other.clone()));
            union(each.collect(), false)
        }
        (one, Shape::OneOf(cases)) => {
            let each = cases.into_iter().map(|case| intersect(one.clone(), case));
            union(each.collect(), false)
        }
        (_, narrower) => narrower,
    }
}

/// Union of `cases`. `open`: readers accept strings outside the union.
fn union(cases: BTreeSet<Shape>, open: bool) -> Shape {
    // A documented enum is a union of single strings in the schema: merged into one choice.
    let mut values = BTreeSet::new();
    let mut is_open = open;
    let mut rest = BTreeSet::new();
    for case in cases {
        match case {
            Shape::Choice { values: more, open } => {
                values.extend(more);
                is_open |= open;
            }
            other => {
                rest.insert(other);
            }
        }
    }
    if !values.is_empty() {
        rest.insert(Shape::Choice { values, open: is_open });
    }
    if rest.len() == 1 {
        return rest.pop_first().unwrap_or(Shape::Any);
    }
    Shape::OneOf(rest)
}

fn choice<'a>(values: impl IntoIterator<Item = &'a str>, schema: &Map<String, Value>) -> Shape {
    Shape::Choice {
        values: values.into_iter().map(str::to_owned).collect(),
        open: schema.get("x-open").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// The range of a type, without the limits that a module sets within the range: the type decodes, and a value beyond a
/// limit gets an error of the contract.
fn integer(schema: &Map<String, Value>) -> Shape {
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    let (min, max) = match schema.get("format").and_then(Value::as_str) {
        Some("int8") => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        Some("int16") => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        Some("int32") => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        Some("int64" | "int") => (None, None),
        Some("uint8") => (Some(0), Some(u8::MAX.into())),
        Some("uint16") => (Some(0), Some(u16::MAX.into())),
        Some("uint32") => (Some(0), Some(u32::MAX.into())),
        Some("uint64" | "uint") => (Some(0), None),
        _ => (bound("minimum"), bound("maximum")),
    };
    Shape::Integer { min, max }
}
