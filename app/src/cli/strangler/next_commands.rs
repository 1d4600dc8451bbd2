//! The next command: forward, back, and for each gate that does not pass.

use offshoot_strangler::{GateStatus, State, Status, VerdictKind};

/// What to run to go on.
pub(super) fn forward(status: &Status) -> String {
    let module = &status.module;
    if !status.started {
        return format!("`offshoot strangler start {module}`");
    }
    if status.halted.is_some() {
        return format!("mend the candidate, then `offshoot strangler resume {module} --reason TEXT`");
    }
    if status.paused {
        return format!("`offshoot strangler resume {module}`");
    }
    let Some(next) = status.next else {
        return format!("nothing: {} is the last state", status.state);
    };
    if status.can_go_forward {
        return format!("`offshoot strangler advance {module}` to {next}");
    }
    let red = status.gates.iter().find(|gate| gate.verdict == VerdictKind::Red);
    match red {
        Some(gate) => remedy(module, gate),
        None => wait(module, &status.gates),
    }
}

/// What to run to go back.
pub(super) fn back(status: &Status) -> String {
    let module = &status.module;
    match status.previous {
        _ if !status.started => "nothing: no migration was started".to_owned(),
        Some(previous) => format!("`offshoot strangler rollback {module}` to {previous}"),
        None => format!("`offshoot strangler end {module}` ends the migration"),
    }
}

/// What to do while gates have too few observations.
pub(super) fn wait(module: &str, gates: &[GateStatus]) -> String {
    let is_rate = |gate: &&GateStatus| gate.verdict == VerdictKind::Held && gate.limit.is_some() && gate.can_be_waived;
    let watch = format!("wait: `offshoot strangler status {module} --watch`");
    if gates.iter().find(is_rate).is_some() {
        return format!(
            "{watch}; or accept a larger rate: `offshoot strangler advance {module} --accept 1% --reason TEXT`"
        );
    }
    let held = gates.iter().find(|gate| gate.verdict == VerdictKind::Held);
    match held.filter(|gate| gate.can_be_waived) {
        Some(gate) => format!(
            "{watch}; or `offshoot strangler waive {module} {} --reason TEXT`",
            gate.name
        ),
        None => watch,
    }
}

/// What to do about a gate that does not pass.
pub(super) fn remedy(module: &str, gate: &GateStatus) -> String {
    let name = &gate.name;
    let (kind, _) = name.split_once(':').unwrap_or((name, ""));
    let waive = || format!("; if that is meant: `offshoot strangler waive {module} {name} --reason TEXT`");
    match kind {
        "members" => "wait a few seconds for the process, or stop it if it hangs".to_owned(),
        "address" => format!("restart the process with --urls {module}=http://HOST:PORT"),
        "strangers" => "stop the process, or start it anew with --candidate".to_owned(),
        "candidate" => {
            format!("start a candidate: `offshoot strangler plan {module}` prints the command")
        }
        "identity" => "start the candidate with the binary of this store".to_owned(),
        "data" => format!(
            "start the candidate on the data of this store: `offshoot strangler plan {module}` prints the command"
        ),
        "encoding" => format!("correct the types of the contract: `offshoot strangler diffs {module}` has the values"),
        "mismatch" | "mismatch-all" | "differences" => {
            format!("correct the candidate: `offshoot strangler diffs {module}` prints the fields")
        }
        "coverage" => format!("wait for an answer that has the field{}", waive()),
        "slow" => format!(
            "find out why the candidate is slow: its log, and `/metrics` there{}",
            waive()
        ),
        "errors" => format!("look for `call failed` in the logs, with module=\"{module}\""),
        "writes" => format!("wait for a call of the method{}", waive()),
        "work" => "run `offshoot events dead-letters`, which prints why the events were set aside".to_owned(),
        "fallback" => format!(
            "look for `call failed` in the logs, with module=\"{module}\"{}",
            waive()
        ),
        "features" => format!("start the processes from a build without the feature {module}"),
        _ => format!("run `offshoot strangler status {module}`"),
    }
}

/// What a state means, in one line.
pub(super) fn meaning(status: &Status) -> String {
    if !status.started {
        return "no migration: calls run where the settings and `offshoot placement set` place them".to_owned();
    }
    match status.state {
        State::Local => "each process executes its own calls".to_owned(),
        State::Encoded => {
            "each process executes its own calls; arguments and answers also pass through the encoding".to_owned()
        }
        State::Shadow => {
            "each process executes its own calls; a sample of the reads is repeated at the candidate, and \
                          the answers are compared"
                .to_owned()
        }
        State::Canary(share) => format!(
            "the candidate executes the calls of {} % of the keys, each process the others; answers are compared",
            share.get()
        ),
        State::Remote if status.settings.fallback => {
            "the candidate executes all calls; the local implementation stands by".to_owned()
        }
        State::Remote => "the candidate executes all calls; the local implementation does not stand in".to_owned(),
        State::Detached => {
            "the candidate executes all calls; no process has the implementation in its binary".to_owned()
        }
    }
}
