//! Findings of the doctor, with their commands.

use offshoot_backup::{Diagnosis, Severity};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::fixture::Fixture;

on_both_engines! {
    consistent_modules_are_healthy,
    a_replaced_log_is_reported_with_its_command,
    problems_of_a_single_module_are_reported,
}

fn problems(diagnosis: &Diagnosis) -> Vec<String> {
    let problems = diagnosis
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Problem);
    problems
        .map(|finding| {
            let command = finding.command.as_deref().unwrap_or_default();
            format!("{}: {} {command}", finding.module, finding.message)
        })
        .collect()
}

async fn consistent_modules_are_healthy(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture
        .database
        .administer("subscriber", "DELETE FROM offshoot_replicas")
        .await;
    let diagnosis = fixture.diagnose().await;
    assert!(diagnosis.is_healthy(), "{diagnosis:?}");
    assert_eq!(diagnosis.modules, ["subscriber", "publisher"]);
}

async fn a_replaced_log_is_reported_with_its_command(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2]).await;
    fixture.create("b").await.unwrap();
    fixture.restore_replacing("b", &["publisher"]).await;
    let diagnosis = fixture.diagnose().await;
    let problems = problems(&diagnosis);
    assert!(
        problems.iter().any(
            |problem| problem.contains("recorder is held: the log of publisher was replaced")
                && problem.ends_with("offshoot events replay recorder --from 3")
        ),
        "{problems:?}"
    );
}

async fn problems_of_a_single_module_are_reported(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2]).await;
    // The killed process left its heartbeat row behind; SQL plants the other problems.
    for (module, sql) in [
        ("publisher", "UPDATE offshoot_owner SET role = 'fenced'"),
        ("subscriber", "UPDATE offshoot_cursors SET position = 9"),
        ("subscriber", "UPDATE offshoot_cursors SET held = 'simulated'"),
    ] {
        fixture.database.administer(module, sql).await;
    }
    let diagnosis = fixture.diagnose().await;
    let problems = problems(&diagnosis);
    let stopped = format!(
        "subscriber: process {} stopped without deregistering",
        std::process::id()
    );
    for part in [
        "publisher: takes no writes: this database's role is `fenced`",
        "subscriber: recorder is at position 9, but the log of publisher ends at 2 offshoot events replay recorder --from 3",
        "is held: simulated",
        &stopped,
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part}: {problems:?}"
        );
    }
}
