//! Verbs that change a migration, except the step forward.

use anyhow::Result;
use offshoot_strangler::Status;
use serde_json::{Map, Value, json};

use super::arguments::{ReasonArguments, SettingsArguments, StranglerCommand, Target, YesOrNo};
use super::{Asked, records_text};
use crate::cli::print;
use crate::config::Settings;

/// A verb with its fields, before the generation is known.
pub(super) struct Verb {
    pub(super) target: Target,
    pub(super) name: &'static str,
    pub(super) fields: Map<String, Value>,
    pub(super) dry_run: bool,
}

pub(super) async fn execute(what: StranglerCommand, settings: &Settings, json: bool) -> Result<()> {
    let (until, verb) = match what {
        StranglerCommand::Ignore(arguments) => {
            let fields = json!({ "method": arguments.method, "field": arguments.field,
                "unordered": arguments.unordered, "reason": arguments.reason });
            let verb = Verb::new(arguments.target, "ignore", fields, arguments.change.dry_run);
            (Some(arguments.until), verb)
        }
        other => match verb(other) {
            Some(verb) => (None, verb),
            None => return Ok(()),
        },
    };
    let Verb {
        target,
        name,
        mut fields,
        dry_run,
    } = verb;
    let asked = Asked::new(target, settings)?;
    let status = asked.status().await?;
    if let Some(until) = until {
        // By the clock of the process, which also ends the rule.
        fields.insert("until".to_owned(), json!(status.at.plus(until)));
    }
    let outcome = asked.send(name, &with_generation(fields, &status, dry_run)).await?;
    print(&outcome, &records_text::outcome(&outcome, name), json)
}

/// The fields of a verb, with the generation that the operator saw.
pub(super) fn with_generation(mut fields: Map<String, Value>, status: &Status, dry_run: bool) -> Value {
    fields.insert("generation".to_owned(), json!(status.generation));
    fields.insert("dry_run".to_owned(), json!(dry_run));
    Value::Object(fields)
}

/// The fields of an object.
pub(super) fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The verb of a command that changes a migration. `None` for other commands.
fn verb(what: StranglerCommand) -> Option<Verb> {
    Some(match what {
        StranglerCommand::Start(arguments) => {
            let mut fields = settings_fields(&arguments.settings);
            if arguments.no_fallback {
                fields.insert("fallback".to_owned(), json!(false));
            }
            Verb {
                target: arguments.target,
                name: "start",
                fields,
                dry_run: arguments.change.dry_run,
            }
        }
        StranglerCommand::Set(arguments) => {
            let mut fields = settings_fields(&arguments.settings);
            if let Some(fallback) = arguments.fallback {
                fields.insert("fallback".to_owned(), json!(matches!(fallback, YesOrNo::Yes)));
            }
            Verb {
                target: arguments.target,
                name: "set",
                fields,
                dry_run: arguments.change.dry_run,
            }
        }
        StranglerCommand::Rollback(arguments) => {
            let fields = json!({ "to": arguments.to, "reason": arguments.reason });
            Verb::new(arguments.target, "rollback", fields, arguments.change.dry_run)
        }
        StranglerCommand::Pause(arguments) => with_reason("pause", arguments),
        StranglerCommand::Resume(arguments) => with_reason("resume", arguments),
        StranglerCommand::Waive(arguments) => {
            let fields = json!({ "gate": arguments.gate, "limit": arguments.limit, "reason": arguments.reason });
            Verb::new(arguments.target, "waive", fields, arguments.change.dry_run)
        }
        StranglerCommand::End(arguments) => Verb::new(arguments.target, "end", json!({}), arguments.change.dry_run),
        _ => return None,
    })
}

fn with_reason(name: &'static str, arguments: ReasonArguments) -> Verb {
    let fields = json!({ "reason": arguments.reason });
    Verb::new(arguments.target, name, fields, arguments.change.dry_run)
}

/// The settings that the command line gives.
fn settings_fields(given: &SettingsArguments) -> Map<String, Value> {
    let mut fields = Map::new();
    if !given.steps.is_empty() {
        fields.insert("steps".to_owned(), json!(given.steps));
    }
    if let Some(sample) = given.sample {
        fields.insert("sample_per_mille".to_owned(), json!(sample));
    }
    if let Some(percent) = given.work_from {
        fields.insert("work_from".to_owned(), json!(percent));
    }
    if let Some(ms) = given.slow_margin {
        fields.insert("slow_margin_ms".to_owned(), json!(ms));
    }
    fields
}

impl Verb {
    fn new(target: Target, name: &'static str, fields: Value, dry_run: bool) -> Self {
        Self {
            target,
            name,
            fields: self::fields(fields),
            dry_run,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::arguments::{Arguments, Command};

    fn sent(line: &str) -> (&'static str, Value) {
        let arguments = Arguments::try_parse_from(line.split(' ')).expect(line);
        let Some(Command::Strangler(what)) = arguments.command else {
            panic!("{line}");
        };
        let verb = verb(what).expect(line);
        (verb.name, Value::Object(verb.fields))
    }

    #[test]
    fn flags_become_the_fields_of_the_verb() {
        for (line, name, fields) in [
            (
                "offshoot strangler start catalog --steps 5,25 --sample 1000 --no-fallback --work-from 25 --slow-margin 50",
                "start",
                json!({ "steps": [5, 25], "sample_per_mille": 1000, "fallback": false, "work_from": 25, "slow_margin_ms": 50 }),
            ),
            (
                "offshoot strangler set catalog --fallback yes",
                "set",
                json!({ "fallback": true }),
            ),
            (
                "offshoot strangler rollback catalog --to local --reason slow",
                "rollback",
                json!({ "to": "local", "reason": "slow" }),
            ),
            (
                "offshoot strangler waive catalog slow --limit 5% --reason cold",
                "waive",
                json!({ "gate": "slow", "limit": 0.05, "reason": "cold" }),
            ),
        ] {
            assert_eq!(sent(line), (name, fields), "{line}");
        }
    }

    #[test]
    fn a_decision_that_somebody_will_ask_about_needs_a_reason() {
        for line in [
            "offshoot strangler waive catalog slow",
            "offshoot strangler advance catalog --accept 1%",
            "offshoot strangler ignore catalog product price --until 7d",
        ] {
            let error = Arguments::try_parse_from(line.split(' ')).expect_err(line).to_string();
            assert!(error.contains("--reason"), "{error}");
        }
    }
}
