//! Whether a newer description of a contract still serves the callers and the servers of an older one.
//!
//! By direction: what old callers send must be read by the new server, and what the new server answers must be read
//! by old callers. Requests are read strictly, answers leniently.

use std::fmt;

use serde_json::Value;

use crate::shape::Field;
use crate::{ContractDescription, ErrorDescription, EventDescription, MethodDescription, Shape};

/// One way in which the newer description breaks callers of the older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Method, part and field.
    pub place: String,
    /// What breaks there.
    pub reason: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// Everything in `new` that breaks callers made for `old`. Empty: the change is additive.
#[must_use]
pub fn breaches(old: &ContractDescription, new: &ContractDescription) -> Vec<Breach> {
    let mut comparison = Comparison {
        old,
        new,
        found: Vec::new(),
    };
    for method in &old.methods {
        match new.methods.iter().find(|candidate| candidate.name == method.name) {
            Some(newer) => comparison.method(method, newer),
            None => comparison.breach(&method.name, "the method is gone"),
        }
    }
    for event in &old.events {
        let same = |newer: &&EventDescription| (&newer.name, newer.version) == (&event.name, event.version);
        match new.events.iter().find(same) {
            Some(newer) => comparison.event(event, newer),
            None => comparison.breach(
                &format!("event {} version {}", event.name, event.version),
                "the event is gone, and is still in logs that will be replayed",
            ),
        }
    }
    comparison.found
}

struct Comparison<'a> {
    old: &'a ContractDescription,
    new: &'a ContractDescription,
    found: Vec<Breach>,
}

impl Comparison<'_> {
    fn breach(&mut self, place: &str, reason: impl Into<String>) {
        self.found.push(Breach {
            place: place.to_owned(),
            reason: reason.into(),
        });
    }

    fn method(&mut self, old: &MethodDescription, new: &MethodDescription) {
        let name = &old.name;
        for (what, before, after) in [
            ("verb", &old.verb, &new.verb),
            ("path", &old.path, &new.path),
            ("idempotency class", &old.class, &new.class),
        ] {
            if before != after {
                self.breach(name, format!("the {what} was {before} and is {after}"));
            }
        }
        if new.max_bytes < old.max_bytes {
            self.breach(name, format!("takes {} bytes, was {}", new.max_bytes, old.max_bytes));
        }
        self.request(&format!("{name} parameters"), Some(&old.params), Some(&new.params));
        self.request(&format!("{name} body"), old.body.as_ref(), new.body.as_ref());
        self.answer(&format!("{name} answer"), old.answer.as_ref(), new.answer.as_ref());
        for error in &old.errors {
            // A code that is answered no more, or that is new, breaks nobody: an unknown code survives as a failure.
            if let Some(newer) = new.errors.iter().find(|candidate| candidate.code == error.code) {
                self.error(&format!("{name} error {}", error.code), error, newer);
            }
        }
    }

    /// Both ways: older subscribers read what is announced now, and a replay reads what was announced then.
    fn event(&mut self, old: &EventDescription, new: &EventDescription) {
        let place = format!("event {} version {}", old.name, old.version);
        if old.key != new.key {
            self.breach(&place, format!("the key was {} and is {}", old.key, new.key));
        }
        let (before, after) = (self.old.shape(&old.payload), self.new.shape(&new.payload));
        self.fits(&format!("{place} to older subscribers"), &after, &before, false);
        self.fits(&format!("{place} in a replay"), &before, &after, false);
    }

    fn request(&mut self, place: &str, old: Option<&Value>, new: Option<&Value>) {
        match (
            old.map(|schema| self.old.shape(schema)),
            new.map(|schema| self.new.shape(schema)),
        ) {
            (Some(sent), Some(read)) => self.fits(place, &sent, &read, true),
            (None, None) => {}
            (None, Some(Shape::Record(fields))) if fields.values().all(|field| !field.required) => {}
            _ => self.breach(place, "there was one and is none, or the other way round"),
        }
    }

    fn answer(&mut self, place: &str, old: Option<&Value>, new: Option<&Value>) {
        match (
            old.map(|schema| self.old.shape(schema)),
            new.map(|schema| self.new.shape(schema)),
        ) {
            (Some(read), Some(sent)) => self.fits(place, &sent, &read, false),
            (None, None) => {}
            (None, Some(_)) => self.breach(place, "there was none and is one"),
            (Some(_), None) => self.breach(place, "there was one and is none"),
        }
    }

    fn error(&mut self, place: &str, old: &ErrorDescription, new: &ErrorDescription) {
        if old.status != new.status {
            self.breach(place, format!("the status was {} and is {}", old.status, new.status));
        }
        for (name, schema) in &old.fields {
            let place = format!("{place} field {name}");
            self.answer(&place, Some(schema), new.fields.get(name));
        }
    }

    /// Every value of `sent` must be readable as `read`. A strict reader refuses fields that it does not know.
    fn fits(&mut self, place: &str, sent: &Shape, read: &Shape, strict: bool) {
        match (sent, read) {
            (_, Shape::Any) => {}
            (Shape::OneOf(cases), _) => {
                for case in cases {
                    self.fits(place, case, read, strict);
                }
            }
            (_, Shape::OneOf(cases)) => {
                if !cases.iter().any(|case| self.would_fit(sent, case, strict)) {
                    self.breach(place, "a case that the other side does not know");
                }
            }
            (Shape::Record(sent), Shape::Record(read)) => {
                for (name, field) in read {
                    self.field(place, name, sent.get(name), field, strict);
                }
                for name in sent.keys().filter(|name| strict && !read.contains_key(*name)) {
                    self.breach(place, format!("`{name}` is sent and is not known any more"));
                }
            }
            (Shape::List(sent), Shape::List(read)) | (Shape::Map(sent), Shape::Map(read)) => {
                self.fits(&format!("{place} items"), sent, read, strict);
            }
            (Shape::Choice { values: sent, .. }, Shape::Choice { values: read, open }) => {
                let strangers: Vec<_> = sent.difference(read).cloned().collect();
                if !open && !strangers.is_empty() {
                    self.breach(
                        place,
                        format!("{} is not known to the other side", strangers.join(", ")),
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
                    self.breach(place, "the range of numbers is narrower on the reading side");
                }
            }
            (Shape::Integer { .. }, Shape::Number) => {}
            _ if sent == read => {}
            _ => self.breach(place, "the type has changed"),
        }
    }

    fn field(&mut self, place: &str, name: &str, sent: Option<&Field>, read: &Field, strict: bool) {
        match sent {
            Some(sent) => {
                if read.required && !sent.required {
                    self.breach(
                        place,
                        format!("`{name}` is required by the reading side and may be absent"),
                    );
                }
                self.fits(&format!("{place}.{name}"), &sent.shape, &read.shape, strict);
            }
            None if read.required => self.breach(
                place,
                format!("`{name}` is required by the reading side and is not sent"),
            ),
            None => {}
        }
    }

    fn would_fit(&self, sent: &Shape, read: &Shape, strict: bool) -> bool {
        let mut trial = Comparison {
            old: self.old,
            new: self.new,
            found: Vec::new(),
        };
        trial.fits("", sent, read, strict);
        trial.found.is_empty()
    }
}
