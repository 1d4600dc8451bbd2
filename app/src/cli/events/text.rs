//! Event reports as text. Knows no database.

use std::fmt::Write as _;

use offshoot_outbox::{ParkedEvent, UNNUMBERED_COUNT_MAX};

use super::{Overview, Reading};

/// Longest printed payload, characters.
const PAYLOAD: usize = 200;

pub(super) fn overview(overview: &Overview) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    for log in &overview.logs {
        let _ = write!(text, "{:14} announced {}", log.module, log.last);
        if log.unnumbered > 0 {
            let or_more = if log.unnumbered == UNNUMBERED_COUNT_MAX {
                " or more"
            } else {
                ""
            };
            let _ = write!(text, ", {}{or_more} without a position yet", log.unnumbered);
        }
        if log.removed_through > 0 {
            let _ = write!(text, ", removed up to {}", log.removed_through);
        }
        text.push('\n');
    }
    if overview.subscriptions.is_empty() {
        text.push_str("\nNo module hears events yet: subscriptions appear with the first `offshoot serve`.");
    } else {
        let _ = writeln!(
            text,
            "\n{:32} {:12} {:>10} {:>8} {:28} worker",
            "subscription", "of", "position", "lag", "current at"
        );
    }
    for reading in &overview.subscriptions {
        row(&mut text, reading);
    }
    text.trim_end().to_owned()
}

fn row(text: &mut String, reading: &Reading) {
    let partition = &reading.partition;
    let name = format!("{}/{}", partition.subscription, partition.partition);
    let or_more = if reading.lag_is_exact == Some(false) { "+" } else { "" };
    let lag = reading
        .lag
        .map_or_else(|| "?".to_owned(), |lag| format!("{lag}{or_more}"));
    let current = partition
        .current_at
        .map_or_else(|| "never".to_owned(), |at| at.to_string());
    let worker = partition.worker.as_deref().unwrap_or("none");
    let _ = writeln!(
        text,
        "{name:32} {:12} {:>10} {lag:>8} {current:28} {worker}",
        partition.module, partition.position
    );
    if let Some(because) = &reading.because {
        let _ = writeln!(text, "    {because}");
    }
}

pub(super) fn letters(letters: &[ParkedEvent]) -> String {
    if letters.is_empty() {
        return "Every event that came was handled.".to_owned();
    }
    let mut text = String::new();
    for letter in letters {
        let ParkedEvent {
            subscription,
            position,
            name,
            key,
            state,
            attempts,
            reason,
            payload,
            ..
        } = letter;
        let _ = writeln!(
            text,
            "{subscription} {position} {name} of {key}: {state} after {attempts} attempts"
        );
        if !reason.is_empty() {
            let _ = writeln!(text, "    {reason}");
        }
        let shown: String = payload.chars().take(PAYLOAD).collect();
        let more = if shown.len() < payload.len() { ".." } else { "" };
        let _ = writeln!(text, "    {shown}{more}");
    }
    text.trim_end().to_owned()
}
