//! Saga reports as text. Knows no database.

use std::fmt::Write as _;

use offshoot_contract::Timestamp;
use offshoot_saga::SagaStatus;

use super::{Listed, Shown};

pub(super) fn table(rows: &[Listed], now: Timestamp) -> String {
    if rows.is_empty() {
        return "No saga is in these states.".to_owned();
    }
    let mut table = format!(
        "{:48} {:16} {:13} {:12} {:>7} {:>8}  last failure",
        "saga", "definition", "state", "step", "age", "attempts"
    );
    for Listed { saga, known, .. } in rows {
        let definition = format!("{}/{}", saga.kind, saga.version);
        let step = saga.step.as_deref().unwrap_or("-");
        let age = age(saga.started_at, now);
        let mut last = saga.failure.clone().unwrap_or_default();
        if !known {
            last = format!("unknown version {last}");
        }
        // Writing to a string cannot fail.
        let _ = write!(
            table,
            "\n{:48} {definition:16} {:13} {step:12} {age:>7} {:>8}  {last}",
            saga.id,
            saga.state,
            saga.attempt + 1
        );
    }
    table
}

/// A duration in its largest unit.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_micros() - since.as_micros()).max(0) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

pub(super) fn story(shown: &[Shown]) -> String {
    let mut text = String::new();
    for Shown { saga, steps } in shown {
        let Listed { module, known, saga } = saga;
        let unknown = if *known { "" } else { ", unknown version" };
        let _ = writeln!(
            text,
            "{} ({}, version {} of {module}{unknown})",
            saga.id, saga.kind, saga.version
        );
        let means = SagaStatus::ALL.into_iter().find(|state| state.as_str() == saga.state);
        let means = means.map_or("", SagaStatus::description);
        let _ = writeln!(text, "  {}: {means}", saga.state);
        let _ = writeln!(
            text,
            "  begun {}, changed {}, attempts {}",
            saga.started_at,
            saga.updated_at,
            saga.attempt + 1
        );
        if let Some(due) = saga.due_at {
            let what = if saga.state == "running" {
                "somebody's until"
            } else {
                "tried again after"
            };
            let _ = writeln!(text, "  {what} {due}");
        }
        match (saga.pivoted, saga.give_up_at) {
            (true, _) => text.push_str("  past its point of no return\n"),
            (false, Some(at)) if saga.due_at.is_some() && !saga.undoing => {
                let _ = writeln!(text, "  undone if it is not past its point of no return at {at}");
            }
            _ => {}
        }
        if let Some(failure) = &saga.failure {
            let _ = writeln!(text, "  last failure: {failure}");
        }
        for step in steps {
            let undoes = step
                .undoes
                .as_ref()
                .map(|undoes| format!(" (takes back {undoes})"))
                .unwrap_or_default();
            let ended = step
                .ended_at
                .map(|at| format!(", {} {at}", step.state))
                .unwrap_or_default();
            let _ = writeln!(
                text,
                "  {:9} {}{undoes}: intended {}{ended}",
                step.state, step.step, step.intended_at
            );
            if let Some(failure) = &step.failure {
                let after = match step.tries {
                    0 => String::new(),
                    1 => "after a vain attempt: ".to_owned(),
                    tries => format!("after {tries} vain attempts: "),
                };
                let _ = writeln!(text, "            {after}{failure}");
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use offshoot_saga::SagaRow;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).expect("a time")
    }

    fn stuck(known: bool) -> Listed {
        let saga = SagaRow {
            id: "order_1.checkout".to_owned(),
            kind: "checkout".to_owned(),
            version: 2,
            state: "stuck".to_owned(),
            undoing: false,
            pivoted: true,
            undo_asked: false,
            step: Some("capture".to_owned()),
            attempt: 20,
            tries: 20,
            due_at: None,
            give_up_at: Some(at(3_600_000_000)),
            failure: Some("payments.capture: forty-two".to_owned()),
            started_at: at(0),
            updated_at: at(0),
        };
        Listed {
            module: "orders",
            known,
            saga,
        }
    }

    #[test]
    fn one_line_tells_of_a_saga_what_an_operator_asks_first() {
        let table = table(&[stuck(true), stuck(false)], at(7_200_000_000));
        let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let known = "order_1.checkout checkout/2 stuck capture 2 h 21 payments.capture: forty-two";
        assert_eq!(lines[1].join(" "), known);
        assert!(
            lines[2].join(" ").contains("21 unknown version payments.capture"),
            "{table}"
        );
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400].map(|seconds| age(at(0), at(seconds * 1_000_000)));
        assert_eq!(ages, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d"]);
        assert_eq!(age(at(1), at(0)), "0 s", "clocks differ");
    }

    #[test]
    fn a_story_says_that_there_is_no_way_back() {
        let shown = Shown {
            saga: stuck(true),
            steps: Vec::new(),
        };
        let story = story(&[shown]);
        assert!(story.contains("past its point of no return"), "{story}");
        assert!(!story.contains("undone if"), "{story}");
    }
}
