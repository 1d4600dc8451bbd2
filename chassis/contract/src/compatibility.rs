//! Detects breaking changes between two descriptions of a contract.
//!
//! The check follows the direction of data: the new server must be able to read requests of old callers, and old
//! callers must be able to read answers of the new server. Requests are read strictly (unknown fields are refused),
//! answers leniently (unknown fields are ignored).

use std::fmt;

use serde_json::Value;

use crate::description::{ContractDescription, ErrorDescription, EventDescription, MethodDescription};
use crate::shape::{Field, Shape};

/// A difference that breaks callers or subscribers of the older contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakingChange {
    /// Method or event, part and field.
    pub location: String,
    /// The reason why the change is breaking.
    pub reason: String,
}

impl fmt::Display for BreakingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.reason)
    }
}

/// Lists all changes in `new` that break callers or subscribers of `old`. Empty if the change is additive.
#[must_use]
pub fn breaking_changes(old: &ContractDescription, new: &ContractDescription) -> Vec<BreakingChange> {
    let mut comparison = Comparison {
        old,
        new,
        found: Vec::new(),
    };
    for method in &old.methods {
        match new.methods.iter().find(|candidate| candidate.name == method.name) {
            Some(newer) => comparison.compare_method(method, newer),
            None => comparison.report(&method.name, "the method was removed"),
        }
    }
    for event in &old.events {
        let same = |newer: &&EventDescription| (&newer.name, newer.version) == (&event.name, event.version);
        match new.events.iter().find(same) {
            Some(newer) => comparison.compare_event(event, newer),
            None => comparison.report(
                &format!("event {} version {}", event.name, event.version),
                "the event was removed, but existing logs still contain it",
            ),
        }
    }
    comparison.found
}

struct Comparison<'a> {
    old: &'a ContractDescription,
    new: &'a ContractDescription,
    found: Vec<BreakingChange>,
}

impl Comparison<'_> {
    fn report(&mut self, location: &str, reason: impl Into<String>) {
        self.found.push(BreakingChange {
            location: location.to_owned(),
            reason: reason.into(),
        });
    }

    fn compare_method(&mut self, old: &MethodDescription, new: &MethodDescription) {
        let name = &old.name;
        for (property, before, after) in [
            ("verb", &old.verb, &new.verb),
            ("path", &old.path, &new.path),
            ("idempotency class", &old.class, &new.class),
        ] {
            if before != after {
                self.report(name, format!("the {property} changed from {before} to {after}"));
            }
        }
        if new.max_bytes < old.max_bytes {
            let (before, after) = (old.max_bytes, new.max_bytes);
            self.report(
                name,
                format!("the largest request body shrank from {before} to {after} bytes"),
            );
        }
        self.compare_request(&format!("{name} parameters"), Some(&old.params), Some(&new.params));
        self.compare_request(&format!("{name} body"), old.body.as_ref(), new.body.as_ref());
        self.compare_answer(&format!("{name} answer"), old.answer.as_ref(), new.answer.as_ref());
        for error in &old.errors {
            // Added and removed codes are not breaking: callers receive an unknown code as a failure.
            if let Some(newer) = new.errors.iter().find(|candidate| candidate.code == error.code) {
                self.compare_error(&format!("{name} error {}", error.code), error, newer);
            }
        }
    }

    /// Compares in both directions: older subscribers read new events, and a replay reads old events.
    fn compare_event(&mut self, old: &EventDescription, new: &EventDescription) {
        let location = format!("event {} version {}", old.name, old.version);
        if old.key != new.key {
            self.report(&location, format!("the key changed from {} to {}", old.key, new.key));
        }
        let (before, after) = (self.old.shape(&old.payload), self.new.shape(&new.payload));
        self.compare_shapes(&format!("{location} to older subscribers"), &after, &before, false);
        self.compare_shapes(&format!("{location} in a replay"), &before, &after, false);
    }

    fn compare_request(&mut self, location: &str, old: Option<&Value>, new: Option<&Value>) {
        match (
            old.map(|schema| self.old.shape(schema)),
            new.map(|schema| self.new.shape(schema)),
        ) {
            (Some(sent), Some(read)) => self.compare_shapes(location, &sent, &read, true),
            (None, None) => {}
            (None, Some(Shape::Record(fields))) if fields.values().all(|field| !field.required) => {}
            (None, Some(_)) => self.report(location, "it was added with required fields"),
            (Some(_), None) => self.report(location, "it was removed"),
        }
    }

    fn compare_answer(&mut self, location: &str, old: Option<&Value>, new: Option<&Value>) {
        match (
            old.map(|schema| self.old.shape(schema)),
            new.map(|schema| self.new.shape(schema)),
        ) {
            (Some(read), Some(sent)) => self.compare_shapes(location, &sent, &read, false),
            (None, None) => {}
            (None, Some(_)) => self.report(location, "it was added"),
            (Some(_), None) => self.report(location, "it was removed"),
        }
    }

    fn compare_error(&mut self, location: &str, old: &ErrorDescription, new: &ErrorDescription) {
        if old.status != new.status {
            self.report(
                location,
                format!("the status changed from {} to {}", old.status, new.status),
            );
        }
        for (name, schema) in &old.fields {
            let location = format!("{location} field {name}");
            self.compare_answer(&location, Some(schema), new.fields.get(name));
        }
    }

    /// Reports values of `sent` that cannot be read as `read`. A strict reader refuses unknown fields.
    fn compare_shapes(&mut self, location: &str, sent: &Shape, read: &Shape, strict: bool) {
        match (sent, read) {
            (_, Shape::Any) => {}
            (Shape::OneOf(cases), _) => {
                for case in cases {
                    self.compare_shapes(location, case, read, strict);
                }
            }
            (_, Shape::OneOf(cases)) => {
                if !cases.iter().any(|case| self.is_readable(sent, case, strict)) {
                    self.report(location, "the reading side does not know one of the cases");
                }
            }
            (Shape::Record(sent), Shape::Record(read)) => {
                for (name, field) in read {
                    self.compare_field(location, name, sent.get(name), field, strict);
                }
                for name in sent.keys().filter(|name| strict && !read.contains_key(*name)) {
                    self.report(
                        location,
                        format!("`{name}` is sent, but the reading side does not know it"),
                    );
                }
            }
            (Shape::List(sent), Shape::List(read)) | (Shape::Map(sent), Shape::Map(read)) => {
                self.compare_shapes(&format!("{location} items"), sent, read, strict);
            }
            (Shape::Choice { values: sent, .. }, Shape::Choice { values: read, open }) => {
                let unknown: Vec<_> = sent.difference(read).cloned().collect();
                if !open && !unknown.is_empty() {
                    self.report(
                        location,
                        format!("the reading side does not know {}", unknown.join(", ")),
                    );
                }
            }
            (
                Shape::Choice { .. } | Shape::Text { .. },
                Shape::Text {
                    pattern: None,
                    format: None,
                },
            ) => {}
            (Shape::Integer { min, max }, Shape::Integer { min: least, max: most }) => {
                if min.unwrap_or(i64::MIN) < least.unwrap_or(i64::MIN)
                    || max.unwrap_or(i64::MAX) > most.unwrap_or(i64::MAX)
                {
                    self.report(location, "the range of numbers is narrower on the reading side");
                }
            }
            (Shape::Integer { .. }, Shape::Number) => {}
            _ if sent == read => {}
            _ => self.report(location, "the type has changed"),
        }
    }

    fn compare_field(&mut self, location: &str, name: &str, sent: Option<&Field>, read: &Field, strict: bool) {
        match sent {
            Some(sent) => {
                if read.required && !sent.required {
                    self.report(
                        location,
                        format!("`{name}` is required by the reading side, but may be absent"),
                    );
                }
                self.compare_shapes(&format!("{location}.{name}"), &sent.shape, &read.shape, strict);
            }
            None if read.required => self.report(
                location,
                format!("`{name}` is required by the reading side, but is not sent"),
            ),
            None => {}
        }
    }

    fn is_readable(&self, sent: &Shape, read: &Shape, strict: bool) -> bool {
        let mut trial = Comparison {
            old: self.old,
            new: self.new,
            found: Vec::new(),
        };
        trial.compare_shapes("", sent, read, strict);
        trial.found.is_empty()
    }
}
