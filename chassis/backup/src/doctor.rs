//! What differs between modules: each one's data is read twice, a few seconds apart, and compared with that of the others.

mod findings;
mod look;

use std::collections::BTreeMap;
use std::time::Duration;

use offshoot_contract::{Clock, with_causes};
use offshoot_db::{DbOptions, MigrationState, status};
use serde::Serialize;
use uuid::Uuid;

use self::look::{Look, Signs};
use crate::link::{Link, failed};
use crate::{BackupError, ModuleData, Tell};

/// Longer than a process takes to show that it is there, and to number what was announced.
const WATCHED: Duration = Duration::from_secs(3);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Somebody has to do something.
    Problem,
    /// Good to know.
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whose data.
    pub module: String,
    /// How bad it is.
    pub weight: Weight,
    /// What, in a sentence.
    pub what: String,
    /// The command that helps.
    pub command: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// The modules whose data was read.
    pub modules: Vec<String>,
    /// Problems first.
    pub findings: Vec<Finding>,
}

impl Examined {
    /// Whether nobody has to do anything.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.iter().any(|finding| finding.weight == Weight::Problem)
    }
}

/// Examines modules. `remembered` are the stores that the data directory knows.
pub async fn examine(
    places: &[ModuleData],
    remembered: &BTreeMap<String, Uuid>,
    clock: &dyn Clock,
    tell: Tell<'_>,
) -> Examined {
    let mut findings = Vec::new();
    let mut looks = Vec::new();
    for data in places {
        match first_look(data, &mut findings).await {
            Ok(Some(look)) => looks.push(look),
            Ok(None) => {
                let what = format!(
                    "has no data in {}: it was never started there, or it is elsewhere",
                    data.url
                );
                findings.push(problem(data.name(), what, None));
            }
            Err(error) => findings.push(problem(data.name(), with_causes(&error), None)),
        }
    }
    let is_watched = looks.iter().any(|(_, look)| look.before.is_worth_a_second_look());
    if is_watched {
        tell(format!("watching for {} s", WATCHED.as_secs()));
        tokio::time::sleep(WATCHED).await;
    }
    let mut seen = Vec::new();
    for (mut link, mut look) in looks {
        if is_watched {
            match Signs::read(&mut link).await {
                Ok(signs) => look.after = signs,
                Err(error) => findings.push(problem(&look.module, format!("cannot be read: {error}"), None)),
            }
        }
        let _ = link.close().await;
        seen.push(look);
    }
    let now = clock.now();
    for look in &seen {
        findings.extend(findings::of_one(look, remembered.get(&look.module).copied(), now));
        findings.extend(findings::of_cursors(look, &seen, now));
    }
    findings.sort_by_key(|finding| finding.weight);
    Examined {
        modules: seen.into_iter().map(|look| look.module).collect(),
        findings,
    }
}

async fn first_look(data: &ModuleData, findings: &mut Vec<Finding>) -> Result<Option<(Link, Look)>, BackupError> {
    let Some(mut link) = Link::to_read(data).await? else {
        return Ok(None);
    };
    let migrations = status(data.schema, &data.url, &DbOptions::default()).await?;
    let differing = migrations.iter().filter_map(|found| {
        let name = format!("{} {}", found.migration.set, found.migration.name);
        match found.state {
            MigrationState::Applied(_) => None,
            MigrationState::Missing => Some((
                format!("lacks the migration {name}"),
                Some("offshoot db migrate".to_owned()),
            )),
            MigrationState::Changed => Some((format!("has the migration {name} with another text"), None)),
            // Only one that removes something keeps this binary from running.
            MigrationState::Unknown if found.kind == "expand" => None,
            MigrationState::Unknown => Some((
                format!("has the migration {name}, which this binary does not know"),
                None,
            )),
        }
    });
    findings.extend(differing.map(|(what, command)| problem(data.name(), what, command)));
    let look = Look::read(data.name(), &mut link).await;
    let look = look.map_err(|cause| failed(data, "reading", cause))?;
    Ok(Some((link, look)))
}

fn problem(module: &str, what: impl Into<String>, command: Option<String>) -> Finding {
    Finding {
        module: module.to_owned(),
        weight: Weight::Problem,
        what: what.into(),
        command,
    }
}

fn note(module: &str, what: impl Into<String>) -> Finding {
    Finding {
        module: module.to_owned(),
        weight: Weight::Note,
        what: what.into(),
        command: None,
    }
}
