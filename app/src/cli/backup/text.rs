//! Backup reports as text.

use std::fmt::Write as _;
use std::path::Path;

use offshoot_backup::{
    AffectedSaga, Manifest, RestoreImpact, RestoreReport, SubscriptionImpact, SubscriptionOutcome, VerifiedModule,
};

/// Printed sagas; JSON has all of them.
const SHOWN: usize = 20;

pub(super) fn created(manifest: &Manifest, directory: &Path) -> String {
    let mut text = String::new();
    for module in &manifest.modules {
        let bytes: u64 = module.files.iter().map(|file| file.bytes).sum();
        let rows: u64 = module.tables.iter().map(|table| table.rows).sum();
        let last = module.positions.log.as_ref().map_or(0, |log| log.last);
        let (name, sagas) = (&module.module, module.positions.sagas_in_flight);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name:10} {rows:>10} rows {bytes:>12} bytes, log to {last}, {sagas} sagas in flight, at {}",
            module.taken_at
        );
    }
    let directory = directory.display();
    let _ = write!(
        text,
        "{directory} is a backup; `offshoot backup verify {directory}` checks it"
    );
    text
}

pub(super) fn verified(manifest: &Manifest, found: &[VerifiedModule]) -> String {
    let mut text = String::new();
    for module in found {
        let (name, files, rows) = (&module.module, module.files, module.rows);
        let verdict = if module.problems.is_empty() { "whole" } else { "DAMAGED" };
        let _ = writeln!(text, "{name:10} {verdict:8} {files:>4} files {rows:>10} rows");
        for problem in &module.problems {
            let _ = writeln!(text, "           {problem}");
        }
    }
    let _ = write!(
        text,
        "taken at {} by version {}",
        manifest.created_at, manifest.store_version
    );
    text
}

pub(super) fn restored(report: &RestoreReport) -> String {
    let mut text = String::new();
    let done = if report.dry_run {
        "would be restored"
    } else {
        "restored"
    };
    for module in &report.modules {
        let (name, rows, place) = (&module.module, module.rows, &module.location);
        let _ = writeln!(
            text,
            "{name:10} {done}: {rows} rows, store {}, in {place}",
            module.store_id
        );
        if let Some(replaced) = &module.replaced {
            let _ = writeln!(
                text,
                "           what was there is {replaced} now: remove it when it is not needed any more"
            );
        }
        if module.role != "open" {
            let _ = writeln!(
                text,
                "           takes no writes: its role is `{}`, as it was when the backup was taken",
                module.role
            );
        }
    }
    aftermath(&mut text, &report.impact);
    let _ = write!(text, "`offshoot doctor` says what differs between modules");
    text
}

fn aftermath(text: &mut String, aftermath: &RestoreImpact) {
    for cursor in &aftermath.subscriptions {
        let _ = writeln!(text, "{}", fate(cursor));
    }
    let resumed = "in flight when the backup was taken, and carried on by whoever serves";
    sagas(text, &aftermath.sagas_resumed, resumed);
    let elsewhere =
        "changed after the backup; what they did in a restored module may be gone, look with `offshoot sagas show`";
    sagas(text, &aftermath.sagas_of_other_modules, elsewhere);
}

fn sagas(text: &mut String, sagas: &[AffectedSaga], what: &str) {
    if sagas.is_empty() {
        return;
    }
    let _ = writeln!(text, "{} sagas {what}:", sagas.len());
    for seen in sagas.iter().take(SHOWN) {
        let _ = writeln!(text, "  {} {} ({})", seen.module, seen.saga.id, seen.saga.state);
    }
    if sagas.len() > SHOWN {
        let _ = writeln!(text, "  and {} more, with --json", sagas.len() - SHOWN);
    }
}

fn fate(cursor: &SubscriptionImpact) -> String {
    let SubscriptionImpact {
        subscriber,
        subscription,
        publisher,
        position,
        ahead_by,
        ..
    } = cursor;
    let last = cursor.log_end.unwrap_or(0);
    let what = match cursor.outcome {
        SubscriptionOutcome::Continues => format!("continues at {position} of {last}"),
        SubscriptionOutcome::Rewound => {
            format!(
                "is set back to {last}: its effects of {ahead_by} positions are of events that {publisher} has lost"
            )
        }
        SubscriptionOutcome::Held if *ahead_by > 0 => {
            format!("holds; it has handled {ahead_by} positions that {publisher} does not have")
        }
        SubscriptionOutcome::Held => "holds, since it has read another log".to_owned(),
        SubscriptionOutcome::Resynced if cursor.is_projection => "is emptied and filled anew".to_owned(),
        SubscriptionOutcome::Resynced => format!("continues at the end of the new log, {last}"),
        SubscriptionOutcome::Unknown => {
            format!("reads the log of {publisher}, which is not seen from here: `offshoot doctor` where it is")
        }
    };
    let command = cursor
        .command
        .iter()
        .filter(|_| cursor.outcome == SubscriptionOutcome::Held);
    let command: String = command.map(|command| format!(": `{command}`")).collect();
    format!("{subscriber}: {subscription} {what}{command}")
}
