//! The calls of both sides by method, as a table.

use std::fmt::Write as _;

use offshoot_strangler::{MethodEvidence, SideCounts, Status};

use super::figures::{count, latency};

/// A table of the methods with a call or a comparison. Empty before the first.
pub(super) fn methods(status: &Status) -> String {
    let seen: Vec<_> = status.methods.iter().filter(|(_, counts)| is_seen(counts)).collect();
    if seen.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "  {:<18} {:>10} {:>7} {:>8}   {:>10} {:>7} {:>8}   {:>9} {:>7} {:>8}\n",
        "", "here", "failed", "p99", "candidate", "failed", "p99", "compared", "differ", "stood in"
    );
    for (name, counts) in seen {
        let (here, there) = (side(counts.local), side(counts.candidate));
        let (compared, differ) = (count(counts.compared), count(counts.mismatched));
        let line = format!(
            "  {name:<18} {here}   {there}   {compared:>9} {differ:>7} {:>8}",
            count(counts.fallbacks)
        );
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn is_seen(counts: &MethodEvidence) -> bool {
    counts.local.calls + counts.candidate.calls + counts.compared + counts.encoded > 0
}

fn side(counts: SideCounts) -> String {
    format!(
        "{:>10} {:>7} {:>8}",
        count(counts.calls),
        count(counts.failed),
        latency(counts.p99_us)
    )
}
