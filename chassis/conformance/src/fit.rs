//! Whether a value fits a schema of the contract. Unknown fields are allowed: a newer minor version may have them.

use offshoot_contract::Shape;
use serde_json::Value;

/// The first place of `value` that does not fit, with the reason.
pub(crate) fn check(shape: &Shape, value: &Value) -> Result<(), String> {
    check_at("the answer", shape, value)
}

fn check_at(place: &str, shape: &Shape, value: &Value) -> Result<(), String> {
    let fits = match (shape, value) {
        (Shape::Any | Shape::Recursive(_), _)
        | (Shape::Null, Value::Null)
        | (Shape::Bool, Value::Bool(_))
        | (Shape::Number, Value::Number(_)) => true,
        (Shape::Integer { min, max }, Value::Number(number)) => {
            let number = number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from));
            let low = min.is_none_or(|min| number.is_some_and(|number| number >= min.into()));
            number.is_some() && low && max.is_none_or(|max| number.is_some_and(|number| number <= max.into()))
        }
        (Shape::Text { pattern, format }, Value::String(text)) => {
            return check_text(place, pattern.as_deref(), format.as_deref(), text);
        }
        (Shape::Choice { values, open }, Value::String(text)) => *open || values.contains(text),
        (Shape::List(item), Value::Array(items)) => {
            for (number, each) in items.iter().enumerate() {
                check_at(&format!("{place}[{number}]"), item, each)?;
            }
            true
        }
        (Shape::Map(shape), Value::Object(members)) => {
            for (name, each) in members {
                check_at(&format!("{place}.{name}"), shape, each)?;
            }
            true
        }
        (Shape::Record(fields), Value::Object(members)) => {
            for (name, field) in fields {
                let place = format!("{place}.{name}");
                match members.get(name) {
                    Some(Value::Null) | None if !field.required => {}
                    Some(each) => check_at(&place, &field.shape, each)?,
                    // A field that may be null may be left out as well.
                    None if allows_null(&field.shape) => {}
                    None => return Err(format!("{place} is missing")),
                }
            }
            true
        }
        (Shape::OneOf(cases), value) => {
            let failures: Vec<_> = cases.iter().map(|case| check_at(place, case, value)).collect();
            if !failures.iter().any(Result::is_ok) {
                let reasons: Vec<_> = failures.into_iter().filter_map(Result::err).collect();
                return Err(reasons.join("; or "));
            }
            true
        }
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => {
            let shown: String = value.to_string().chars().take(80).collect();
            Err(format!("{place} is {shown}, which is not one of the contract's values"))
        }
    }
}

fn allows_null(shape: &Shape) -> bool {
    match shape {
        Shape::Null | Shape::Any => true,
        Shape::OneOf(cases) => cases.iter().any(allows_null),
        _ => false,
    }
}

/// Texts of the chassis have a written form that is checked to the letter.
fn check_text(place: &str, pattern: Option<&str>, format: Option<&str>, text: &str) -> Result<(), String> {
    let is_canonical = match (format, pattern) {
        (Some("date-time"), _) => {
            let time = text.parse::<offshoot_contract::Timestamp>();
            time.is_ok_and(|time| time.to_string() == text)
        }
        (_, Some(pattern)) => match id_prefix(pattern) {
            Some(prefix) => is_id(prefix, text),
            None => text.chars().all(|letter| letter.is_ascii_graphic()),
        },
        _ => true,
    };
    match is_canonical {
        true => Ok(()),
        false => {
            let shown: String = text.chars().take(80).collect();
            Err(format!(
                "{place} is `{shown}`, which is not in the written form of the section Values"
            ))
        }
    }
}

/// `station` for the pattern of station ids.
pub(crate) fn id_prefix(pattern: &str) -> Option<&str> {
    pattern.strip_prefix('^')?.strip_suffix("_[0-7][0-9a-hjkmnp-tv-z]{25}$")
}

fn is_id(prefix: &str, text: &str) -> bool {
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    digits.is_some_and(|digits| {
        digits.len() == 26
            && digits.as_bytes()[0] <= b'7'
            && digits
                .bytes()
                .all(|digit| (digit.is_ascii_lowercase() || digit.is_ascii_digit()) && !b"ilou".contains(&digit))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn fits(schema: Value, value: Value) -> Result<(), String> {
        check(&Shape::from_schema(&schema, &BTreeMap::new()), &value)
    }

    #[test]
    fn values_of_the_schema_fit_and_others_name_the_place() {
        let schema = json!({
            "type": "object",
            "properties": {
                "id": { "type": "string", "pattern": "^station_[0-7][0-9a-hjkmnp-tv-z]{25}$" },
                "at": { "type": "string", "format": "date-time" },
                "level": { "type": "integer", "format": "uint8" },
                "note": { "type": ["string", "null"] },
                "kinds": { "type": "array", "items": { "enum": ["low", "high"] } },
            },
            "required": ["id", "at", "level", "kinds"],
        });
        let good = json!({
            "id": "station_01h455vb4pex5vsknk084sn02q", "at": "2010-12-01T08:26:00.5Z", "level": 255, "kinds": ["low"],
            "new": 1,
        });
        assert_eq!(fits(schema.clone(), good.clone()), Ok(()));
        for (field, value, reason) in [
            ("id", json!("station_81h455vb4pex5vsknk084sn02q"), "the answer.id is"),
            ("at", json!("2010-12-01T08:26:00.500Z"), "written form"),
            ("at", json!("2010-12-01T10:26:00+02:00"), "written form"),
            ("level", json!(256), "the answer.level is 256"),
            ("level", json!(1.5), "the answer.level is 1.5"),
            ("kinds", json!(["low", "odd"]), "the answer.kinds[1] is"),
            ("kinds", Value::Null, "the answer.kinds is null"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let error = fits(schema.clone(), bad).expect_err(field);
            assert!(error.contains(reason), "{error}");
        }
        let error = fits(schema, json!({})).expect_err("fields are missing");
        assert!(error.ends_with("is missing"), "{error}");
    }
}
