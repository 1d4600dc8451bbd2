//! The shape of values: what a JSON schema says about them without its prose and without the habits of the library
//! that wrote it. Hash and compatibility are taken over shapes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

/// What values there are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Anything.
    Any,
    /// Null, or nothing.
    Null,
    /// True or false.
    Bool,
    /// Whole numbers of this range.
    Integer {
        /// Smallest.
        min: Option<i64>,
        /// Largest; 64-bit numbers are not bounded.
        max: Option<i64>,
    },
    /// Any number.
    Number,
    /// Strings.
    Text {
        /// Regular expression that they match.
        pattern: Option<String>,
        /// Format that they have.
        format: Option<String>,
    },
    /// One of these strings.
    Choice {
        /// The strings.
        values: BTreeSet<String>,
        /// Declared open: readers accept others.
        open: bool,
    },
    /// Lists.
    List(Box<Shape>),
    /// Objects with any keys.
    Map(Box<Shape>),
    /// Objects with these fields.
    Record(BTreeMap<String, Field>),
    /// Any of these.
    OneOf(BTreeSet<Shape>),
    /// The definition of this name, inside itself.
    Again(String),
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Field {
    /// Its values.
    pub shape: Shape,
    /// Whether it is always there.
    pub required: bool,
}

impl Shape {
    /// Reads a JSON schema whose references point into `definitions`.
    #[must_use]
    pub fn of(schema: &Value, definitions: &BTreeMap<String, Value>) -> Self {
        Reader {
            definitions,
            inside: Vec::new(),
        }
        .read(schema)
    }
}

struct Reader<'a> {
    definitions: &'a BTreeMap<String, Value>,
    inside: Vec<String>,
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
            return cases.iter().fold(whole, |whole, case| both(whole, self.read(case)));
        }
        if let Some(cases) = ["oneOf", "anyOf"].iter().find_map(|word| schema.get(*word)?.as_array()) {
            let shared = self.read_own(schema);
            let open = schema.get("x-open").and_then(Value::as_bool).unwrap_or(false);
            return one_of(
                cases.iter().map(|case| both(shared.clone(), self.read(case))).collect(),
                open,
            );
        }
        self.read_own(schema)
    }

    /// What the schema says beside the cases it refers to.
    fn read_own(&mut self, schema: &Map<String, Value>) -> Shape {
        if let Some(Value::String(value)) = schema.get("const") {
            return choice([value.as_str()], schema);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return choice(values.iter().filter_map(Value::as_str), schema);
        }
        match schema.get("type") {
            Some(Value::Array(types)) => {
                let each = types.iter().filter_map(Value::as_str).map(|ty| self.typed(ty, schema));
                one_of(each.collect(), false)
            }
            Some(Value::String(ty)) => self.typed(ty, schema),
            _ => Shape::Any,
        }
    }

    fn resolve(&mut self, reference: &str) -> Shape {
        let name = reference.rsplit('/').next().unwrap_or(reference).to_owned();
        let Some(schema) = self.definitions.get(&name) else {
            return Shape::Any;
        };
        if self.inside.contains(&name) {
            return Shape::Again(name);
        }
        self.inside.push(name);
        let shape = self.read(schema);
        self.inside.pop();
        shape
    }

    fn typed(&mut self, ty: &str, schema: &Map<String, Value>) -> Shape {
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
            "object" => self.object(schema),
            _ => Shape::Any,
        }
    }

    fn object(&mut self, schema: &Map<String, Value>) -> Shape {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return match schema.get("additionalProperties") {
                Some(values @ Value::Object(_)) => Shape::Map(Box::new(self.read(values))),
                Some(Value::Bool(true)) => Shape::Map(Box::new(Shape::Any)),
                // An object without fields is written without properties too.
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
            // An optional field may be left out; whether null may be written instead is the library's habit.
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
            one_of(cases, false)
        }
        other => other,
    }
}

/// Values that are of both shapes. Objects have the fields of both; otherwise the later, narrower one holds.
fn both(one: Shape, other: Shape) -> Shape {
    match (one, other) {
        (Shape::Any, shape) | (shape, Shape::Any) => shape,
        (Shape::Record(mut fields), Shape::Record(more)) => {
            fields.extend(more);
            Shape::Record(fields)
        }
        (Shape::OneOf(cases), other) => {
            let each = cases.into_iter().map(|case| both(case, other.clone()));
            one_of(each.collect(), false)
        }
        (one, Shape::OneOf(cases)) => {
            let each = cases.into_iter().map(|case| both(one.clone(), case));
            one_of(each.collect(), false)
        }
        (_, narrower) => narrower,
    }
}

/// Any of `cases`. `open`: readers accept strings beyond them.
fn one_of(cases: BTreeSet<Shape>, open: bool) -> Shape {
    // Strings that are told apart only by their documentation are one choice.
    let mut values = BTreeSet::new();
    let mut is_open = open;
    let mut rest = BTreeSet::new();
    for case in cases {
        match case {
            Shape::Choice { values: some, open } => {
                values.extend(some);
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

fn integer(schema: &Map<String, Value>) -> Shape {
    let (min, max) = match schema.get("format").and_then(Value::as_str) {
        Some("int8") => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        Some("int16") => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        Some("int32") => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        Some("uint8") => (Some(0), Some(u8::MAX.into())),
        Some("uint16") => (Some(0), Some(u16::MAX.into())),
        Some("uint32") => (Some(0), Some(u32::MAX.into())),
        Some("uint64" | "uint") => (Some(0), None),
        _ => (None, None),
    };
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    Shape::Integer {
        min: bound("minimum").or(min),
        max: bound("maximum").or(max),
    }
}
