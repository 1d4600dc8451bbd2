//! Statuses of migrations as text.

use std::fmt::Write as _;

use offshoot_strangler::{Status, VerdictKind};

use super::figures::percent;
use super::gates_text::gates;
use super::methods_text::methods;
use super::next_commands::{back, forward, meaning};

/// One status: the state, who waits for whom, both sides, the gates, and the next commands.
pub(super) fn status(status: &Status) -> String {
    let mut text = head(status);
    // Writing to a string cannot fail.
    for warning in &status.warnings {
        let _ = writeln!(text, "  warning: {warning}");
    }
    if status.started {
        for waiting in waits(status) {
            let _ = writeln!(text, "  waits: {waiting}");
        }
        let _ = writeln!(text, "  candidate: {}", candidate(status));
        let _ = writeln!(text, "  background work: {}", work(status));
        let _ = writeln!(text, "  {}", shares(status));
    }
    let table = methods(status);
    if !table.is_empty() {
        let _ = write!(text, "\n{table}");
    }
    if let Some(next) = status.next.filter(|_| status.started) {
        let passing = status.gates.iter().filter(|gate| passes(gate.verdict)).count();
        let _ = writeln!(text, "\n  gates to {next}: {passing} of {} pass", status.gates.len());
        text.push_str(&gates(&status.gates, status.at));
    }
    let _ = write!(text, "\n  forward: {}\n  back:    {}", forward(status), back(status));
    text
}

/// One line for each module.
pub(super) fn overview(statuses: &[Status]) -> String {
    let mut text = String::new();
    for status in statuses {
        let state = match status.started {
            true => status.state.to_string(),
            false => "no migration".to_owned(),
        };
        let line = format!(
            "{:<13} {state:<12} {:<7} {}",
            status.module,
            flag(status),
            forward(status)
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.trim_end().to_owned()
}

fn passes(verdict: VerdictKind) -> bool {
    matches!(verdict, VerdictKind::Green | VerdictKind::Accepted)
}

fn flag(status: &Status) -> &'static str {
    match (&status.halted, status.paused) {
        (Some(_), _) => "halted",
        (None, true) => "paused",
        (None, false) => "",
    }
}

fn head(status: &Status) -> String {
    let Status {
        module,
        state,
        generation,
        ..
    } = status;
    let mut text = format!("{module}: ");
    // Writing to a string cannot fail.
    let _ = match status.started {
        true => write!(text, "{state}, generation {generation}"),
        false => write!(text, "no migration"),
    };
    if let Some(entered) = status.entered_at.filter(|_| status.started) {
        let _ = write!(text, ", since {entered}");
    }
    let _ = write!(text, "\n  {}\n", meaning(status));
    if let Some(harm) = &status.halted {
        let _ = writeln!(text, "  HALTED, because {harm}");
    }
    if status.paused {
        let reason = status.last.as_ref().map_or("", |last| last.reason.as_str());
        let _ = match reason {
            "" => writeln!(text, "  PAUSED"),
            reason => writeln!(text, "  PAUSED: {reason}"),
        };
    }
    text
}

/// The processes that others wait for.
fn waits(status: &Status) -> Vec<String> {
    let generation = status.generation;
    let late = status.members.iter().filter(|member| member.acknowledged != generation);
    late.map(|member| {
        let (name, acknowledged) = (&member.name, member.acknowledged);
        format!("for {name}, which runs the plan of generation {acknowledged}, not {generation}")
    })
    .collect()
}

fn candidate(status: &Status) -> String {
    let Some(candidate) = &status.candidate else {
        return format!(
            "no address of a candidate answers; `offshoot strangler plan {}` prints the command that starts one",
            status.module
        );
    };
    let build = match &candidate.identity {
        Some(identity) => format!("build {:.12}", identity.build),
        None => "different builds".to_owned(),
    };
    let data = if candidate.same_data {
        "on the data of this store"
    } else {
        "on OTHER data"
    };
    let works = if candidate.works {
        "works"
    } else {
        "does no background work"
    };
    format!("{build}, {data}, {works}")
}

fn work(status: &Status) -> String {
    match status.work.as_str() {
        "home" => "these processes".to_owned(),
        "both" => "these processes and the candidate".to_owned(),
        _ => "the candidate; these processes while no candidate is alive".to_owned(),
    }
}

fn shares(status: &Status) -> String {
    let keys = percent(status.share_of_keys);
    match status.share_of_calls {
        Some(calls) => format!("at the candidate: {keys} of the keys, {} of the calls", percent(calls)),
        None => format!("at the candidate: {keys} of the keys; no call so far"),
    }
}
