//! Bodies of the verbs of a migration: a JSON object with the fields of the verb, and no others. Each error names the field.

use offshoot_contract::Timestamp;
use offshoot_strangler::{IgnoreRule, Percent, RequestKind, Settings, State, Status, Waiver};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A parsed body.
#[derive(Debug, PartialEq)]
pub(super) struct Fields {
    /// The generation that the operator saw.
    pub(super) generation: Option<u64>,
    /// Whether nothing is to be written.
    pub(super) dry_run: bool,
    pub(super) change: Change,
}

/// The change that a body asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    /// A complete request.
    Kind(RequestKind),
    /// New values of some settings; the others stay.
    Set(GivenSettings),
}

/// Settings of a body. `None` leaves a setting as it is.
#[derive(Debug, Default, PartialEq)]
pub(super) struct GivenSettings {
    steps: Option<Vec<Percent>>,
    sample_per_mille: Option<u16>,
    fallback: Option<bool>,
    work_from: Option<Percent>,
    slow_margin_ms: Option<u32>,
}

/// Why a body is refused.
#[derive(Debug, PartialEq)]
pub(super) enum InvalidFields {
    UnknownVerb,
    /// The field and what is wrong with it.
    Field(String),
}

impl From<String> for InvalidFields {
    fn from(why: String) -> Self {
        Self::Field(why)
    }
}

impl Fields {
    /// The verbs of operators.
    pub(super) const VERBS: [&str; 9] = [
        "start", "advance", "rollback", "pause", "resume", "set", "waive", "ignore", "end",
    ];

    /// Reads the body of `verb`. An empty body has no fields.
    pub(super) fn parse(verb: &str, body: &[u8], operator: &str) -> Result<Self, InvalidFields> {
        if !Self::VERBS.contains(&verb) {
            return Err(InvalidFields::UnknownVerb);
        }
        let mut body = Body::parse(body)?;
        let (generation, dry_run) = (body.take("generation")?, body.take("dry_run")?.unwrap_or(false));
        let change = change(verb, &mut body, operator)?;
        body.finish(verb)?;
        Ok(Self {
            generation,
            dry_run,
            change,
        })
    }
}

fn change(verb: &str, body: &mut Body, operator: &str) -> Result<Change, String> {
    let reason = |body: &mut Body| body.take::<String>("reason");
    Ok(Change::Kind(match verb {
        "start" => RequestKind::Start(given_settings(body)?.over(Settings::default())),
        "set" => return Ok(Change::Set(given_settings(body)?)),
        "advance" => RequestKind::Advance {
            to: body.take::<State>("to")?,
            reason: reason(body)?,
        },
        "rollback" => RequestKind::Back {
            to: body.take::<State>("to")?,
            reason: reason(body)?,
        },
        "pause" => RequestKind::Pause { reason: reason(body)? },
        "resume" => RequestKind::Resume { reason: reason(body)? },
        "waive" => RequestKind::Waive {
            gate: body.require("gate")?,
            waiver: Waiver {
                limit: body.take("limit")?,
                reason: body.require("reason")?,
                operator: operator.to_owned(),
            },
        },
        "ignore" => RequestKind::Ignore(IgnoreRule {
            method: body.require("method")?,
            path: body.require("field")?,
            unordered: body.take("unordered")?.unwrap_or(false),
            reason: body.require("reason")?,
            until: body.require::<Timestamp>("until")?,
        }),
        _ => RequestKind::End,
    }))
}

fn given_settings(body: &mut Body) -> Result<GivenSettings, String> {
    Ok(GivenSettings {
        steps: body.take("steps")?,
        sample_per_mille: body.take("sample_per_mille")?,
        fallback: body.take("fallback")?,
        work_from: body.take("work_from")?,
        slow_margin_ms: body.take("slow_margin_ms")?,
    })
}

impl GivenSettings {
    fn over(self, settings: Settings) -> Settings {
        Settings {
            steps: self.steps.unwrap_or(settings.steps),
            sample_per_mille: self.sample_per_mille.unwrap_or(settings.sample_per_mille),
            fallback: self.fallback.unwrap_or(settings.fallback),
            work_from: self.work_from.unwrap_or(settings.work_from),
            slow_margin_ms: self.slow_margin_ms.unwrap_or(settings.slow_margin_ms),
        }
    }
}

impl Change {
    /// The request. `status` reads the current settings; the generation of the request keeps others from changing them
    /// meanwhile.
    pub(super) async fn into_kind<E>(self, status: impl AsyncFnOnce() -> Result<Status, E>) -> Result<RequestKind, E> {
        match self {
            Self::Kind(kind) => Ok(kind),
            Self::Set(given) => Ok(RequestKind::Set(given.over(status().await?.settings))),
        }
    }
}

/// The fields that nobody has taken yet.
struct Body(Map<String, Value>);

impl Body {
    fn parse(body: &[u8]) -> Result<Self, String> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        let fields = serde_json::from_slice(body);
        fields
            .map(Self)
            .map_err(|error| format!("the body is not a JSON object: {error}"))
    }

    /// Takes a field. `null` counts as absent.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| format!("{name}: {error}")),
        }
    }

    fn require<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, String> {
        self.take(name)?.ok_or_else(|| format!("{name}: this field is missing"))
    }

    fn finish(self, verb: &str) -> Result<(), String> {
        match self.0.keys().next() {
            Some(name) => Err(format!("{name}: the verb {verb} has no such field")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(verb: &str, body: &str) -> Result<Fields, InvalidFields> {
        Fields::parse(verb, body.as_bytes(), "local")
    }

    #[test]
    fn the_fields_of_a_verb_become_a_request() {
        let fields = parse(
            "advance",
            r#"{"to":"canary:25","reason":"quiet night","generation":7,"dry_run":true}"#,
        );
        let fields = fields.expect("valid");
        assert_eq!((fields.generation, fields.dry_run), (Some(7), true));
        let Change::Kind(RequestKind::Advance { to, reason }) = fields.change else {
            panic!("{:?}", fields.change);
        };
        assert_eq!(to.map(|to| to.to_string()).as_deref(), Some("canary:25"));
        assert_eq!(reason.as_deref(), Some("quiet night"));
        assert_eq!(parse("end", "").expect("valid").change, Change::Kind(RequestKind::End));
    }

    #[test]
    fn a_waiver_has_the_name_of_the_operator_who_sent_it() {
        let body = r#"{"gate":"mismatch:browse","limit":0.01,"reason":"prices round differently","generation":3}"#;
        let Change::Kind(RequestKind::Waive { gate, waiver }) = parse("waive", body).expect("valid").change else {
            panic!("another request");
        };
        assert_eq!(
            (&*gate, &*waiver.operator, waiver.limit),
            ("mismatch:browse", "local", Some(0.01))
        );
    }

    #[test]
    fn settings_that_are_not_given_stay() {
        let Change::Set(given) = parse("set", r#"{"steps":[10,50],"generation":2}"#)
            .expect("valid")
            .change
        else {
            panic!("another request");
        };
        let before = Settings {
            sample_per_mille: 7,
            ..Settings::default()
        };
        let after = given.over(before);
        assert_eq!(
            (after.steps.len(), after.sample_per_mille, after.fallback),
            (2, 7, true)
        );
    }

    #[test]
    fn an_error_names_the_field() {
        for (verb, body, why) in [
            ("advance", "[]", "the body is not a JSON object: "),
            (
                "advance",
                r#"{"to":"canary:100"}"#,
                "to: `canary:100` is not a valid state: use local",
            ),
            ("advance", r#"{"generation":"7"}"#, "generation: invalid type: string"),
            ("pause", r#"{"gate":"slow"}"#, "gate: the verb pause has no such field"),
            ("waive", r#"{"gate":"slow"}"#, "reason: this field is missing"),
            ("start", r#"{"steps":[0]}"#, "steps: `canary:0` is not a valid state"),
            (
                "ignore",
                r#"{"method":"a","field":"b","reason":"c","until":"soon"}"#,
                "until: `soon` is not a valid timestamp",
            ),
        ] {
            match parse(verb, body) {
                Err(InvalidFields::Field(found)) => assert!(found.starts_with(why), "{found}"),
                other => panic!("{verb} {body}: {other:?}"),
            }
        }
        assert_eq!(parse("explode", "{}"), Err(InvalidFields::UnknownVerb));
    }
}
