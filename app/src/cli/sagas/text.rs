//! Sagas for people. Knows no database.

use std::fmt::Write as _;

use offshoot_contract::Timestamp;
use offshoot_saga::State;

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

/// In the largest unit of which there is one.
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
        let means = State::ALL.into_iter().find(|state| state.as_str() == saga.state);
        let means = means.map_or("", State::means);
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
