//! Findings about strangler migrations, from the control database and from the records that the data directory remembers.
//! Pure: no I/O.

use std::collections::BTreeMap;

use offshoot_backup::{Finding, Severity};
use offshoot_strangler::Migration;

use crate::cli::control;

/// Findings of all migrations. `records`: those of the control database, `None` if there is no control database.
/// `remembered`: those of the file in the data directory.
pub(super) fn findings(
    records: Option<&[(String, Migration)]>,
    remembered: &BTreeMap<String, Migration>,
) -> Vec<Finding> {
    let stored = records.unwrap_or_default();
    let mut found: Vec<_> = stored
        .iter()
        .filter(|(_, record)| record.started)
        .filter_map(|(module, record)| suspended(module, record))
        .collect();
    let started = remembered.iter().filter(|(_, record)| record.started);
    found.extend(started.filter_map(|(module, record)| {
        let stored = stored.iter().find(|(name, _)| name == module);
        lost(module, record, records.is_some(), stored.map(|(_, stored)| stored))
    }));
    found
}

/// A control database that cannot be read.
pub(super) fn unreadable(error: &anyhow::Error) -> Finding {
    Finding {
        module: control::NAME.to_owned(),
        severity: Severity::Problem,
        message: format!(
            "the records of strangler migrations cannot be read, and calls go on by the last plans: {error:#}"
        ),
        command: None,
    }
}

/// A migration that goes no further without an operator.
fn suspended(module: &str, record: &Migration) -> Option<Finding> {
    let state = record.state;
    if let Some(harm) = &record.halted {
        return Some(Finding {
            module: module.to_owned(),
            severity: Severity::Problem,
            message: format!("the strangler migration was halted and is at {state}, because {harm}"),
            command: Some(format!("offshoot strangler status {module}")),
        });
    }
    record.paused.then(|| Finding {
        module: module.to_owned(),
        severity: Severity::Note,
        message: format!("the strangler migration is paused at {state}"),
        command: Some(format!("offshoot strangler resume {module}")),
    })
}

/// A record that the data directory remembers, and that the control database lacks or has in an older generation.
fn lost(module: &str, known: &Migration, has_database: bool, stored: Option<&Migration>) -> Option<Finding> {
    let (state, generation) = (known.state, known.generation);
    let running = format!("processes of this directory ran the plan of generation {generation}, {state}");
    let (message, command) = match stored {
        Some(stored) if stored.generation >= generation => return None,
        Some(stored) => (
            format!(
                "{running}, and the control database is at generation {}, {}, as after a restored backup",
                stored.generation, stored.state
            ),
            format!("offshoot strangler status {module}"),
        ),
        None if has_database => (
            format!("{running}, and the control database has no record of the module"),
            "offshoot backup restore DIR --module control --replace".to_owned(),
        ),
        None => (
            format!("{running}, and the control database is missing"),
            "offshoot backup restore DIR --module control".to_owned(),
        ),
    };
    Some(Finding {
        module: module.to_owned(),
        severity: Severity::Problem,
        message,
        command: Some(command),
    })
}

#[cfg(test)]
mod tests {
    use offshoot_contract::Timestamp;
    use offshoot_strangler::State;

    use super::*;

    fn record(state: State, generation: u64) -> Migration {
        let now = Timestamp::from_micros(0).expect("valid");
        Migration {
            state,
            generation,
            started: true,
            ..Migration::new(1, now)
        }
    }

    fn texts(records: Option<&[(String, Migration)]>, remembered: &BTreeMap<String, Migration>) -> Vec<String> {
        let found = findings(records, remembered).into_iter();
        found
            .map(|found| {
                format!(
                    "{} {}: `{}`",
                    found.module,
                    found.message,
                    found.command.unwrap_or_default()
                )
            })
            .collect()
    }

    #[test]
    fn a_halted_migration_names_the_harm_and_a_paused_one_the_way_on() {
        let halted = Migration {
            halted: Some("12 of 20 calls of product failed".to_owned()),
            ..record(State::Shadow, 9)
        };
        let paused = Migration {
            paused: true,
            ..record(State::Remote, 3)
        };
        let ended = Migration {
            started: false,
            ..halted.clone()
        };
        let records = [
            ("catalog".to_owned(), halted),
            ("orders".to_owned(), paused),
            ("carts".to_owned(), ended),
        ];
        assert_eq!(
            texts(Some(&records), &BTreeMap::new()),
            [
                "catalog the strangler migration was halted and is at shadow, because 12 of 20 calls of product failed: \
                 `offshoot strangler status catalog`",
                "orders the strangler migration is paused at remote: `offshoot strangler resume orders`",
            ]
        );
    }

    #[test]
    fn a_lost_record_names_the_generation_that_processes_ran() {
        let remembered = BTreeMap::from([("catalog".to_owned(), record(State::Remote, 7))]);
        assert_eq!(
            texts(None, &remembered),
            [
                "catalog processes of this directory ran the plan of generation 7, remote, and the control database is missing: \
              `offshoot backup restore DIR --module control`"
            ]
        );
        let older = [("catalog".to_owned(), record(State::Shadow, 4))];
        assert_eq!(
            texts(Some(&older), &remembered),
            [
                "catalog processes of this directory ran the plan of generation 7, remote, and the control database is at \
              generation 4, shadow, as after a restored backup: `offshoot strangler status catalog`"
            ]
        );
        let same = [("catalog".to_owned(), record(State::Remote, 7))];
        assert_eq!(texts(Some(&same), &remembered), Vec::<String>::new());
    }
}
