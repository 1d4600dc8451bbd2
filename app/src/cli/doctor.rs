//! `offshoot doctor`: prints differences between the modules' data, each with the command that helps.

// Findings about strangler migrations.
mod migrations;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use offshoot_backup::{Diagnosis, Severity, diagnose};
use offshoot_contract::SystemClock;
use offshoot_host::store_ids;

use super::backup::places;
use super::{control, print};
use crate::config::Settings;
use crate::serve::control::remembered_records;

pub(super) async fn execute(settings: &Settings, json: bool) -> Result<ExitCode> {
    let mut places = places(settings, None)?;
    ensure!(
        !places.is_empty(),
        "no module keeps its data here: run this where one does"
    );
    let mut remembered = BTreeMap::new();
    for data in &places {
        let module = data.schema.module;
        remembered.extend(store_ids::known(&settings.data_dir, module)?.map(|store| (module.to_owned(), store)));
    }
    let records = control::read_records(settings).await;
    if matches!(&records, Ok(Some(records)) if !records.is_empty()) {
        places.push(control::data(settings, None)?);
    }
    let mut examined = diagnose(&places, &remembered, &SystemClock, &mut |line| eprintln!("{line}")).await;
    let migrations = match (records, remembered_records(settings)) {
        (Ok(records), Ok(remembered)) => migrations::findings(records.as_deref(), &remembered),
        (Err(error), _) | (_, Err(error)) => vec![migrations::unreadable(&error)],
    };
    examined.findings.extend(migrations);
    examined.findings.sort_by_key(|finding| finding.severity);
    print(&examined, &text(&examined), json)?;
    Ok(if examined.is_healthy() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(examined: &Diagnosis) -> String {
    let mut text = String::new();
    for finding in &examined.findings {
        let weight = match finding.severity {
            Severity::Problem => "PROBLEM",
            Severity::Note => "note",
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{weight:8} {:10} {}", finding.module, finding.message);
        if let Some(command) = &finding.command {
            let _ = write!(text, ": `{command}`");
        }
        text.push('\n');
    }
    let modules = match examined.modules.is_empty() {
        true => "everything".to_owned(),
        false => examined.modules.join(", "),
    };
    let verdict = if examined.is_healthy() {
        "nothing is wrong"
    } else {
        "something is wrong"
    };
    let _ = write!(
        text,
        "{verdict} with {modules}; whether they agree about orders, goods and money: `offshoot replay proofs`"
    );
    text
}
