//! Differences between two answers of one method, by field.

use std::collections::BTreeSet;

use offshoot_contract::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Differences of one pair of answers that are told apart. A list of different length differs once.
const MAX_DIFFERENCES: usize = 32;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Difference {
    /// The field, from the root of the answer: `lines[].height.value`. Elements of a list share a path.
    pub path: String,
    /// The kind of the difference.
    pub kind: DifferenceKind,
}

offshoot_contract::named! {
    /// Kind of a difference.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    pub enum DifferenceKind {
        /// Two values of one type.
        Value = "value",
        /// Two types, such as a number and a text.
        Type = "type",
        /// Only the control's answer has the field.
        Missing = "missing",
        /// Only the candidate's answer has the field.
        Unexpected = "unexpected",
        /// Lists of different length.
        Length = "length",
        /// Lists with the same elements in another order.
        Order = "order",
    }
}

/// A rule of the operator: differences of a field that are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreRule {
    /// The method.
    pub method: String,
    /// The field, as in [`Difference::path`]. Fields below are covered too.
    pub path: String,
    /// Only the order of this list is ignored.
    pub unordered: bool,
    /// The operator's reason.
    pub reason: String,
    /// End of the rule: a rule without an end would outlive its reason.
    pub until: Timestamp,
}

impl IgnoreRule {
    /// Whether the rule covers a difference of `method` at `now`.
    #[must_use]
    pub fn covers(&self, method: &str, difference: &Difference, now: Timestamp) -> bool {
        if self.method != method || now >= self.until {
            return false;
        }
        if self.unordered {
            return difference.kind == DifferenceKind::Order && difference.path == self.path;
        }
        is_within(&self.path, &difference.path)
    }
}

/// Whether a field is `path` or a part of `path`.
pub(crate) fn is_within(path: &str, field: &str) -> bool {
    let below = field.strip_prefix(path);
    below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
}

/// The fields in which `candidate` differs from `control`.
#[must_use]
pub fn differences(control: &Value, candidate: &Value) -> BTreeSet<Difference> {
    let mut found = BTreeSet::new();
    compare("", control, candidate, &mut found);
    found
}

fn compare(path: &str, control: &Value, candidate: &Value, found: &mut BTreeSet<Difference>) {
    if found.len() >= MAX_DIFFERENCES || control == candidate {
        return;
    }
    let mut differs = |kind| {
        found.insert(Difference {
            path: path.to_owned(),
            kind,
        });
    };
    match (control, candidate) {
        (Value::Object(control), Value::Object(candidate)) => compare_fields(path, control, candidate, found),
        (Value::Array(control), Value::Array(candidate)) if control.len() != candidate.len() => {
            differs(DifferenceKind::Length);
        }
        (Value::Array(control), Value::Array(candidate)) if is_reordered(control, candidate) => {
            differs(DifferenceKind::Order);
        }
        (Value::Array(control), Value::Array(candidate)) => {
            let path = format!("{path}[]");
            for (control, candidate) in control.iter().zip(candidate) {
                compare(&path, control, candidate, found);
            }
        }
        _ if std::mem::discriminant(control) == std::mem::discriminant(candidate) => differs(DifferenceKind::Value),
        _ => differs(DifferenceKind::Type),
    }
}

type Fields = serde_json::Map<String, Value>;

fn compare_fields(path: &str, control: &Fields, candidate: &Fields, found: &mut BTreeSet<Difference>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    for (name, value) in control {
        match candidate.get(name) {
            Some(other) => compare(&below(name), value, other, found),
            None => {
                found.insert(Difference {
                    path: below(name),
                    kind: DifferenceKind::Missing,
                });
            }
        }
    }
    for name in candidate.keys().filter(|name| !control.contains_key(*name)) {
        found.insert(Difference {
            path: below(name),
            kind: DifferenceKind::Unexpected,
        });
    }
}

/// Whether two different lists have the same elements.
fn is_reordered(control: &[Value], candidate: &[Value]) -> bool {
    let sorted = |list: &[Value]| {
        let mut texts: Vec<_> = list.iter().map(ToString::to_string).collect();
        texts.sort_unstable();
        texts
    };
    sorted(control) == sorted(candidate)
}

/// The paths of all fields of an answer, for the coverage of comparisons.
#[must_use]
pub fn fields(answer: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect("", answer, &mut found);
    found
}

fn collect(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(&below, value, found);
            }
        }
        Value::Array(elements) => {
            let below = format!("{path}[]");
            for element in elements {
                collect(&below, element, found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}
