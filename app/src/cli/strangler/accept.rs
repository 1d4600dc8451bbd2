//! `offshoot strangler advance`: the step forward, after accepting rates where the operator asks for that.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use offshoot_strangler::{GateStatus, Status, VerdictKind};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::arguments::AdvanceArguments;
use super::changes::{fields, with_generation};
use super::{Asked, records_text};
use crate::cli::print;
use crate::config::Settings;

/// Time limit for the processes to run the plan of the accepted gates. They read the record several times a second.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two looks at the processes.
const ACKNOWLEDGE_POLL: Duration = Duration::from_millis(250);

pub(super) async fn advance(arguments: AdvanceArguments, settings: &Settings, json: bool) -> Result<()> {
    let dry_run = arguments.change.dry_run;
    let asked = Asked::new(arguments.target, settings)?;
    let mut status = asked.status().await?;
    if let Some(limit) = arguments.accept {
        let gates = accepted_gates(&status, &arguments.gates)?;
        let reason = arguments.reason.as_deref().unwrap_or_default();
        for gate in &gates {
            let fields = fields(json!({ "gate": gate, "limit": limit, "reason": reason }));
            let outcome = asked.send("waive", &with_generation(fields, &status, dry_run)).await?;
            eprintln!("{}", records_text::outcome(&outcome, "waive"));
            if !dry_run {
                status.generation = outcome.generation;
            }
        }
        if dry_run {
            // Without the accepted gates the step would be refused for the reasons that were just accepted.
            return Ok(());
        }
        status = acknowledged(&asked, status.generation).await?;
    }
    let fields = fields(json!({ "to": arguments.to, "reason": arguments.reason }));
    let outcome = asked
        .send("advance", &with_generation(fields, &status, dry_run))
        .await?;
    print(&outcome, &records_text::outcome(&outcome, "advance"), json)
}

/// The gates in which a rate is accepted: those with these names, or every gate of a rate that is held.
fn accepted_gates(status: &Status, names: &[String]) -> Result<Vec<String>> {
    let module = &status.module;
    if let Some(unknown) = names
        .iter()
        .find(|name| status.gates.iter().all(|gate| gate.name != **name))
    {
        bail!(
            "{module} has no gate `{unknown}` before the next state: `offshoot strangler status {module}` prints the gates"
        );
    }
    let is_held_rate =
        |gate: &&GateStatus| gate.verdict == VerdictKind::Held && gate.limit.is_some() && gate.can_be_waived;
    let held = status.gates.iter().filter(is_held_rate).map(|gate| gate.name.clone());
    let chosen = if names.is_empty() {
        held.collect()
    } else {
        names.to_vec()
    };
    ensure!(
        !chosen.is_empty(),
        "no gate of {module} waits for observations of a rate, so there is nothing to accept: run \
         `offshoot strangler advance {module}`"
    );
    Ok(chosen)
}

/// Waits until each process runs the plan of `generation`, so that the step is not refused for that reason.
async fn acknowledged(asked: &Asked<'_>, generation: u64) -> Result<Status> {
    let give_up = Instant::now() + ACKNOWLEDGE_TIMEOUT;
    loop {
        let status = asked.status().await?;
        let is_late = |acknowledged: u64| acknowledged < generation;
        let is_waiting = status.members.iter().any(|member| is_late(member.acknowledged));
        // The step itself says which process is late.
        if !is_waiting || status.generation != generation || Instant::now() >= give_up {
            return Ok(status);
        }
        sleep(ACKNOWLEDGE_POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::texts_tests::{gate, held, status};
    use super::*;

    #[test]
    fn every_held_rate_is_accepted_unless_gates_are_named() {
        let status = Status {
            gates: vec![
                held("mismatch:browse", 0.001, 3_275),
                held("writes:put", 0.0, 1),
                gate("members", VerdictKind::Red),
            ],
            ..status()
        };
        let mut without_rate = status.clone();
        without_rate.gates[1].limit = None;
        assert_eq!(accepted_gates(&without_rate, &[]).expect("one"), ["mismatch:browse"]);
        let named = ["members".to_owned()];
        assert_eq!(accepted_gates(&status, &named).expect("the process decides"), named);
        let error = accepted_gates(&status, &["slo".to_owned()])
            .expect_err("unknown")
            .to_string();
        assert_eq!(
            error,
            "catalog has no gate `slo` before the next state: `offshoot strangler status catalog` prints the gates"
        );
    }
}
