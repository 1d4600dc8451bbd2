//! Findings of the doctor, with their commands.

use offshoot_backup::{Diagnosis, Severity};
use offshoot_db::{Engine, sql};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::fixture::{Fixture, cx};

on_both_engines! {
    consistent_modules_are_healthy,
    a_replaced_log_is_reported_with_its_command,
    problems_of_a_single_module_are_reported,
    a_saga_that_is_being_undone_is_open,
    an_idle_partition_is_not_behind,
}

/// Puts a saga that is being undone into the subscriber's log.
async fn plant_undoing_saga(fixture: &Fixture) {
    let (is, is_not, past) = match fixture.database.url().engine() {
        Engine::Sqlite => ("1", "0", "0"),
        Engine::Postgres => ("true", "false", "'epoch'"),
    };
    let sql = format!(
        "INSERT INTO offshoot_sagas (id, subject, kind, version, state, undoing, pivoted, undo_asked, stage, data, \
         attempt, tries, due_at, started_at, updated_at) VALUES ('a.booking', 'a', 'booking', 1, 'waiting', {is}, {is_not}, \
         {is_not}, 0, '{{}}', 0, 0, {past}, {past}, {past})"
    );
    fixture.database.administer("subscriber", &sql).await;
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

async fn a_saga_that_is_being_undone_is_open(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[]).await;
    plant_undoing_saga(&fixture).await;
    let diagnosis = fixture.diagnose().await;
    let findings: Vec<_> = diagnosis.findings.iter().map(|finding| &finding.message).collect();
    assert!(
        findings
            .iter()
            .any(|message| message.contains("1 sagas are in flight, 1 of them are being undone")),
        "{findings:?}"
    );
    let manifest = fixture.create("b").await.unwrap();
    let positions = &manifest.modules[0].positions;
    let open: Vec<_> = positions
        .sagas
        .iter()
        .map(|saga| (saga.id.as_str(), saga.state.as_str()))
        .collect();
    assert_eq!((positions.sagas_in_flight, open), (1, vec![("a.booking", "undoing")]));
}

async fn an_idle_partition_is_not_behind(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2]).await;
    let publisher = fixture.open_publisher().await;
    let bucket = sql!("SELECT bucket FROM offshoot_events ORDER BY position LIMIT 1");
    let (bucket,): (i32,) = publisher
        .read(&mut cx())
        .await
        .unwrap()
        .fetch_one(bucket, ())
        .await
        .unwrap();
    publisher.close().await;
    let long_ago = match fixture.database.url().engine() {
        Engine::Sqlite => "0",
        Engine::Postgres => "'epoch'",
    };
    // All events have one key, so three of the four partitions are idle. A process that was killed early has not moved
    // their cursors.
    let busy = bucket % 4;
    let diagnose_with_busy_at = async |position: i64| {
        let sql = format!(
            "UPDATE offshoot_cursors SET current_at = {long_ago}, \
             position = CASE WHEN partition = {busy} THEN {position} ELSE 0 END"
        );
        fixture.database.administer("subscriber", &sql).await;
        let problems = problems(&fixture.diagnose().await);
        problems.into_iter().find(|problem| problem.contains("has not handled"))
    };
    assert_eq!(diagnose_with_busy_at(2).await, None);
    let behind = diagnose_with_busy_at(1).await.unwrap();
    assert!(
        behind.contains("recorder has not handled 1 events of publisher"),
        "{behind}"
    );
}
