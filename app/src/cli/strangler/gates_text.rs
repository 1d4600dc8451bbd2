//! Gates as text: one line each, with the measured rate, and when a gate with too few observations is decided.

use std::fmt::Write as _;

use offshoot_contract::Timestamp;
use offshoot_strangler::{GateStatus, VerdictKind};

use super::figures::{count, expected, percent};

/// The gates, those that do not pass first.
pub(super) fn gates(gates: &[GateStatus], now: Timestamp) -> String {
    let mut sorted: Vec<_> = gates.iter().collect();
    sorted.sort_by_key(|gate| match gate.verdict {
        VerdictKind::Red => 0,
        VerdictKind::Held => 1,
        VerdictKind::Accepted => 2,
        VerdictKind::Green => 3,
    });
    let mut text = String::new();
    for gate in sorted {
        let (verdict, name) = (gate.verdict.as_str(), &gate.name);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}",
            format!("  {verdict:<9} {name:<22} {}", finding(gate, now)).trim_end()
        );
    }
    text
}

/// What a gate found.
fn finding(gate: &GateStatus, now: Timestamp) -> String {
    let mut parts = Vec::new();
    if !gate.detail.is_empty() {
        parts.push(gate.detail.clone());
    }
    parts.extend(rate(gate));
    if gate.verdict == VerdictKind::Held {
        let missing = gate.missing.unwrap_or_default();
        if missing > 0 {
            parts.push(format!("{} more: {}", count(missing), expected(now, gate.seconds)));
        }
    }
    parts.join("; ")
}

/// The measured rate and its limit. `None` for a fact.
fn rate(gate: &GateStatus) -> Option<String> {
    let limit = percent(gate.limit?);
    let observed = count(gate.sample);
    Some(match (gate.value, gate.confidence) {
        (Some(value), Some(confidence)) => format!(
            "{observed} observed: below {} with {} confidence, limit {limit}",
            percent(value),
            percent(confidence)
        ),
        _ => format!("{observed} observed, limit {limit}"),
    })
}
