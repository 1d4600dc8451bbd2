//! Outcomes, history and differences as text.

use std::fmt::Write as _;

use offshoot_strangler::Entry;
use offshoot_strangler::store::DifferenceClass;

use super::figures::count;
use crate::serve::strangler::Outcome;

/// Outcome of the verb `sent`, with the next command.
pub(super) fn outcome(outcome: &Outcome, sent: &str) -> String {
    let Outcome {
        module,
        from,
        to,
        generation,
        ..
    } = outcome;
    let mut text = match (outcome.dry_run, from == to) {
        (true, true) => format!("{module} would stay at {to}: {sent} is possible, and nothing was changed"),
        (true, false) => format!("{module} would go from {from} to {to}, and nothing was changed"),
        (false, true) => format!("{module} is at {to}, generation {generation}: {sent} done"),
        (false, false) => format!("{module} went from {from} to {to}, generation {generation}"),
    };
    for gate in outcome.evidence.iter().filter(|_| outcome.dry_run) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {gate}");
    }
    if !outcome.dry_run {
        let next = match sent {
            "end" => format!("`offshoot placement set {module} PLACE` places calls of {module} again"),
            _ => format!("`offshoot strangler status {module}`"),
        };
        let _ = write!(text, "\nNext: {next}");
    }
    text
}

/// The history of a module, the oldest entry first.
pub(super) fn history(module: &str, entries: &[Entry]) -> String {
    if entries.is_empty() {
        return format!("{module} has no such entry: `offshoot strangler start {module}` makes the first one");
    }
    let mut text = String::new();
    for entry in entries {
        let Entry {
            generation,
            at,
            operator,
            verb,
            from,
            to,
            reason,
            ..
        } = entry;
        let states = if from == to {
            to.to_string()
        } else {
            format!("{from} -> {to}")
        };
        let line = format!(
            "{generation:>4} {at} {:<9} {states:<24} {operator:<12} {reason}",
            verb.as_str()
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.trim_end().to_owned()
}

/// The differences of a module, the most frequent first.
pub(super) fn differences(module: &str, classes: &[DifferenceClass]) -> String {
    if classes.is_empty() {
        return format!("{module}: no difference in this state and this build of the candidate");
    }
    let mut text = String::new();
    for class in classes {
        let (name, seen) = (&class.class, count(class.seen));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{seen:>9} {name:<40} {} samples, {} to {}",
            class.samples.len(),
            class.first_at,
            class.last_at
        );
    }
    let _ = write!(
        text,
        "Next: correct the candidate, or `offshoot strangler ignore {module} METHOD FIELD --until 7d --reason TEXT`; \
         --json prints the samples"
    );
    text
}
