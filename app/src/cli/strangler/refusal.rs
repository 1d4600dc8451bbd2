//! Refusals of a process, as errors that name the next command.

use anyhow::{Error, anyhow};
use offshoot_contract::{Clock as _, Problem, SystemClock, Timestamp};
use offshoot_strangler::{GateStatus, VerdictKind};

use super::gates_text::gates;
use super::next_commands::{remedy, wait};
use crate::cli::admin_surface::AdminError;

/// The error of a command about `module`.
pub(super) fn explain(module: Option<&str>, error: AdminError) -> Error {
    match (error, module) {
        (AdminError::Refused(problem), Some(module)) => anyhow!(text(module, &problem, SystemClock.now())),
        (AdminError::Refused(problem), None) => anyhow!(without_module(&problem)),
        (AdminError::Failed(error), _) => error,
    }
}

fn without_module(problem: &Problem) -> String {
    match problem.code.as_str() {
        "control-unavailable" => format!("{}\nNext: `offshoot doctor`", problem.detail),
        _ => problem.detail.clone(),
    }
}

/// The refusal with the module, the cause and the next command.
pub(super) fn text(module: &str, problem: &Problem, now: Timestamp) -> String {
    let detail = &problem.detail;
    let next = match problem.code.as_str() {
        "gates" => return closed_gates(module, problem, now),
        "stale-generation" => {
            format!("`offshoot strangler status {module}`, then repeat the command if it is still right")
        }
        "not-started" => format!("`offshoot strangler start {module}`"),
        "already-started" => {
            format!("`offshoot strangler status {module}`, or `offshoot strangler rollback {module} --to local` first")
        }
        "paused" => format!("`offshoot strangler resume {module}`"),
        "halted" => format!("mend the candidate, then `offshoot strangler resume {module} --reason TEXT`"),
        "needs-reason" => "the same command with --reason TEXT".to_owned(),
        "not-local" => format!("`offshoot strangler rollback {module} --to local`"),
        "not-waivable" => format!("`offshoot strangler status {module}` prints the gates"),
        "not-next" | "no-further" => format!("`offshoot strangler status {module}`"),
        "control-unavailable" => "`offshoot doctor`".to_owned(),
        _ => return format!("{module}: {detail}"),
    };
    format!("{module}: {detail}\nNext: {next}")
}

/// The gates that do not pass, with the command for the first one.
fn closed_gates(module: &str, problem: &Problem, now: Timestamp) -> String {
    let Some(all) = problem.field::<Vec<GateStatus>>("gates") else {
        return format!("{module}: {}", problem.detail);
    };
    let is_closed = |gate: &&GateStatus| matches!(gate.verdict, VerdictKind::Held | VerdictKind::Red);
    let closed: Vec<_> = all.iter().filter(is_closed).cloned().collect();
    let red = closed.iter().find(|gate| gate.verdict == VerdictKind::Red);
    let next = red.map_or_else(|| wait(module, &closed), |gate| remedy(module, gate));
    format!(
        "{module} stays where it is: {} of {} gates do not pass\n{}Next: {next}",
        closed.len(),
        all.len(),
        gates(&closed, now)
    )
}
