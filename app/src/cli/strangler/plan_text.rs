//! The plan of a migration, as data and as text.

use std::fmt::Write as _;

use serde::Serialize;

use super::figures::{count, duration};
use super::forecast::{GateForecast, StateForecast};

/// The plan of a migration.
#[derive(Debug, Serialize)]
pub(super) struct MigrationPlan {
    pub(super) module: String,
    /// Calls a second, all methods. `None` if the process does not answer.
    pub(super) calls_per_second: Option<f64>,
    /// What to do first.
    pub(super) first: Vec<String>,
    /// The command that starts a candidate.
    pub(super) candidate: String,
    /// The command that begins the migration.
    pub(super) start: String,
    /// The states on the way out.
    pub(super) states: Vec<StateForecast>,
    /// Ways to be faster.
    pub(super) hint: Option<String>,
}

pub(super) fn text(plan: &MigrationPlan) -> String {
    let mut text = match plan.calls_per_second {
        Some(rate) => format!("{}: {rate:.1} calls a second since the process started\n", plan.module),
        None => format!("{}: calls are unknown\n", plan.module),
    };
    // Writing to a string cannot fail.
    if !plan.first.is_empty() {
        let _ = writeln!(text, "\nFirst:");
        for (number, step) in (1..).zip(&plan.first) {
            let _ = writeln!(text, "  {number}. {step}");
        }
    }
    let _ = writeln!(
        text,
        "\nThe candidate:\n  {}\n\nThen:\n  {}\n",
        plan.candidate, plan.start
    );
    let _ = writeln!(text, "{:<10} {:<12} needs", "state", "takes");
    let has_calls = plan.calls_per_second.is_some_and(|rate| rate > 0.0);
    for state in &plan.states {
        let _ = writeln!(
            text,
            "{:<10} {:<12} {}",
            state.state.to_string(),
            takes(state),
            needs(state, has_calls)
        );
    }
    let _ = write!(
        text,
        "{:<10} {:<12} builds without the feature {} in every process",
        "detached", "", plan.module
    );
    if let Some(hint) = &plan.hint {
        let _ = write!(text, "\n\n{hint}");
    }
    text
}

fn takes(state: &StateForecast) -> String {
    match (state.left_out, state.seconds) {
        (true, _) => "left out".to_owned(),
        (false, Some(seconds)) => duration(seconds),
        (false, None) => "unknown".to_owned(),
    }
}

/// The slowest gates of each kind.
fn needs(state: &StateForecast, has_calls: bool) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    let mut texts = Vec::new();
    for gate in &state.gates {
        let kind = gate.name.split(':').next().unwrap_or_default();
        if !kinds.contains(&kind) {
            kinds.push(kind);
            texts.push(need(gate, has_calls));
        }
    }
    if texts.is_empty() {
        return "nothing that is counted".to_owned();
    }
    texts.join(", ")
}

fn need(gate: &GateForecast, has_calls: bool) -> String {
    let sample = count(gate.sample);
    match gate.seconds {
        Some(seconds) => format!("{} {sample} ({})", gate.name, duration(seconds)),
        None if gate.name == "work" => format!("work {sample} events"),
        None if has_calls => format!("{} {sample} (no call so far)", gate.name),
        None => format!("{} {sample}", gate.name),
    }
}
