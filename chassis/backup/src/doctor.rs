//! Doctor: reads the data of each module, compares the modules and reports findings. Changes nothing.
//!
//! Data that processes use is read twice, a few seconds apart: only changes show that a process is alive.

mod findings;
mod observation;
mod servers;

use std::collections::BTreeMap;

use offshoot_contract::{Clock, error_chain};
use offshoot_db::{DbOptions, MigrationState, migration_status, require_restored};
use offshoot_outbox::{COUNT_LAG, Lag};
use serde::Serialize;
use uuid::Uuid;

use self::observation::{Activity, Observation};
use crate::connection::{Connection, database_error};
use crate::error::BackupError;
use crate::limits::OBSERVATION_PERIOD;
use crate::{ModuleData, Progress};

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// An operator must act.
    Problem,
    /// For information.
    Note,
}

/// One finding of the doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Module with the finding; `postgres` for a server.
    pub module: String,
    /// Severity.
    pub severity: Severity,
    /// The finding, as a sentence without the module name.
    pub message: String,
    /// Next command: resolves the finding or shows more.
    pub command: Option<String>,
}

/// Result of [`diagnose`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Modules with readable data.
    pub modules: Vec<String>,
    /// Findings, problems first.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether no finding is a problem.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Problem)
    }
}

/// Examines the modules in `hosted`. `remembered` maps modules to the store ids that the data directory remembers.
///
/// Unreadable modules become findings.
pub async fn diagnose(
    hosted: &[ModuleData],
    remembered: &BTreeMap<String, Uuid>,
    clock: &dyn Clock,
    progress: Progress<'_>,
) -> Diagnosis {
    let mut findings = Vec::new();
    let mut observations = Vec::new();
    for data in hosted {
        match observe(data, &mut findings).await {
            Ok(Some(observation)) => observations.push(observation),
            Ok(None) => {
                let message = format!(
                    "has no data in {}: the module was never started there, or its data lives elsewhere",
                    data.url
                );
                findings.push(problem(data.name(), message, None));
            }
            Err(error) => findings.push(problem(data.name(), error_chain(&error), None)),
        }
    }
    findings.extend(servers::examine_servers(hosted).await);
    if let Err(finding) = count_lags(&mut observations).await {
        findings.push(finding);
    }
    let is_observed_twice = observations
        .iter()
        .any(|(_, observation)| observation.before.needs_second_reading());
    if is_observed_twice {
        progress(format!("observing processes for {} s", OBSERVATION_PERIOD.as_secs()));
        tokio::time::sleep(OBSERVATION_PERIOD).await;
    }
    let mut observed = Vec::new();
    for (mut connection, mut observation) in observations {
        if is_observed_twice {
            match Activity::read(&mut connection).await {
                Ok(activity) => observation.after = activity,
                Err(error) => findings.push(problem(&observation.module, format!("cannot be read: {error}"), None)),
            }
        }
        let _ = connection.close().await;
        observed.push(observation);
    }
    let now = clock.now();
    for observation in &observed {
        findings.extend(findings::judge_module(
            observation,
            remembered.get(&observation.module).copied(),
            now,
        ));
        findings.extend(findings::judge_subscriptions(observation, &observed, now));
    }
    findings.sort_by_key(|finding| finding.severity);
    Diagnosis {
        modules: observed.into_iter().map(|observation| observation.module).collect(),
        findings,
    }
}

async fn observe(
    data: &ModuleData,
    findings: &mut Vec<Finding>,
) -> Result<Option<(Connection, Observation)>, BackupError> {
    require_restored(data.name(), &data.url).await?;
    let Some(mut connection) = Connection::open_data(data).await? else {
        return Ok(None);
    };
    let migrations = migration_status(data.schema, &data.url, &DbOptions::default()).await?;
    let differing = migrations.iter().filter_map(|found| {
        let name = format!("{} {}", found.migration.set, found.migration.name);
        match found.state {
            MigrationState::Applied(_) => None,
            MigrationState::Missing => Some((
                format!("lacks the migration {name}"),
                Some("offshoot db migrate".to_owned()),
            )),
            MigrationState::Changed => Some((
                format!("has the migration {name} with a different text: run the binary that applied the migration"),
                None,
            )),
            // A binary runs on a schema with unknown `expand` migrations, but not with unknown `contract` migrations.
            MigrationState::Unknown if found.kind == "expand" => None,
            MigrationState::Unknown => Some((
                format!(
                    "has the migration {name}, which this binary does not know: run a binary that has the migration"
                ),
                None,
            )),
        }
    });
    findings.extend(differing.map(|(message, command)| problem(data.name(), message, command)));
    let observation = Observation::read(data.name(), &mut connection).await;
    let observation = observation.map_err(|cause| database_error(data, "reading", cause))?;
    Ok(Some((connection, observation)))
}

/// Counts the lag of each partition in the log of its publisher, where that log is readable.
async fn count_lags(observations: &mut [(Connection, Observation)]) -> Result<(), Finding> {
    for subscriber in 0..observations.len() {
        let observation = &observations[subscriber].1;
        let name = observation.module.clone();
        let cursors = observation.cursors.clone();
        for cursor in &cursors {
            let is_publisher =
                |other: &&mut (Connection, Observation)| other.1.module == cursor.module && other.1.log.is_some();
            let Some((connection, _)) = observations.iter_mut().find(is_publisher) else {
                continue;
            };
            let partitions = cursors
                .iter()
                .filter(|other| other.subscription == cursor.subscription)
                .count();
            let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
            let params = Lag::params(cursor.position, partitions, cursor.partition);
            let counted = connection.fetch_one::<Lag>(COUNT_LAG, params).await;
            let lag = counted.map_err(|error| {
                let message = format!("the log cannot be read for {} of {name}: {error}", cursor.subscription);
                problem(&cursor.module, message, None)
            })?;
            let partition = (cursor.subscription.clone(), cursor.partition);
            observations[subscriber].1.lags.insert(partition, lag);
        }
    }
    Ok(())
}

fn problem(module: &str, message: impl Into<String>, command: Option<String>) -> Finding {
    Finding {
        module: module.to_owned(),
        severity: Severity::Problem,
        message: message.into(),
        command,
    }
}

fn note(module: &str, message: impl Into<String>) -> Finding {
    Finding {
        module: module.to_owned(),
        severity: Severity::Note,
        message: message.into(),
        command: None,
    }
}
