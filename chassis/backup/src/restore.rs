//! Restores a backup into an empty target, or in place of existing data, which is moved aside.

use std::path::{self, Path};

use offshoot_contract::{CallContext, Clock, fault_point};
use offshoot_db::{DatabaseUrl, Db, DbOptions, PgBudget, carried_migrations};
use offshoot_outbox::{rebuild, replay};
use serde::Serialize;
use uuid::Uuid;

use crate::connection::{Connection, database_error};
use crate::error::{BackupError, Unreplaced};
use crate::guard::{TargetState, require_unused};
use crate::impact::{
    Adjustments, RestoreImpact, RestoredLog, SubscriptionOutcome, UnrestoredModule, highest_token, timestamp_digits,
};
use crate::manifest::{Manifest, ModuleBackup};
use crate::mark::Marks;
use crate::positions::{self, Positions, hex};
use crate::{ModuleData, Progress, postgres, sqlite, verify};

/// Options of [`restore_backup`].
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Names of the modules to restore; every module of the backup if empty.
    pub modules: Vec<String>,
    /// Move existing data aside instead of refusing.
    pub replace: bool,
    /// Run every check and change nothing.
    pub dry_run: bool,
    /// Resolve held subscriptions of modules that are not restored: projections are rebuilt, other subscriptions
    /// continue at the end of the restored log.
    pub resync: bool,
    /// Postgres role that the restore logs in as, for the command that finishes an interrupted restore.
    pub login: Option<String>,
}

impl RestoreOptions {
    /// The command that finishes this restore if it is interrupted.
    fn finishing_command(&self, directory: &Path) -> String {
        let directory = path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        let directory = directory.display().to_string().replace('\'', r"'\''");
        let mut command = format!("offshoot backup restore '{directory}' --replace");
        for module in &self.modules {
            command += &format!(" --module {module}");
        }
        if self.resync {
            command += " --resync";
        }
        if let Some(login) = &self.login {
            command += &format!(" --as {login}");
        }
        command
    }
}

/// Result of restoring one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoredModule {
    /// Module name.
    pub module: String,
    /// Database that holds the restored data.
    pub location: String,
    /// Where the replaced data was moved; `None` if the target was empty.
    pub replaced: Option<String>,
    /// Id of the store.
    pub store_id: Uuid,
    /// Role in the owner row, as backed up. Only `open` accepts writes.
    pub role: String,
    /// Number of rows in all tables.
    pub rows: u64,
}

/// Result of a restore.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreReport {
    /// Whether the restore was only checked.
    pub dry_run: bool,
    /// The restored modules.
    pub modules: Vec<RestoredModule>,
    /// Impact on subscriptions and sagas.
    pub impact: RestoreImpact,
}

/// A module to restore: where to, from what, and the changes to the snapshot.
struct Target<'a> {
    data: &'a ModuleData,
    backup: &'a ModuleBackup,
    adjustments: Adjustments,
}

/// Restores modules of a backup. `hosted` lists all data of this configuration: the data of modules that are not
/// restored is read for the report, and with [`RestoreOptions::resync`] their held subscriptions are resolved.
///
/// Every check runs before the first change. Fails if a process uses the data. No process opens the data from the first
/// change to the last one, even if this process is killed in between: the data then has a mark with the command that
/// finishes the restore.
pub async fn restore_backup(
    hosted: &[ModuleData],
    directory: &Path,
    options: &RestoreOptions,
    clock: &dyn Clock,
    progress: Progress<'_>,
) -> Result<RestoreReport, BackupError> {
    let manifest = Manifest::read(directory)?;
    let chosen = manifest.select_modules(&options.modules)?;
    let pairs = match_targets(hosted, &chosen)?;
    for (data, backup) in &pairs {
        require_compatible(data, backup, &manifest)?;
        require_intact(directory, backup, progress).await?;
    }
    progress("checking that no process uses the data".to_owned());
    let data: Vec<_> = pairs.iter().map(|(data, _)| *data).collect();
    let states = require_unused(&data).await?;
    require_replaceable(&data, &states, options)?;
    let logs = assign_log_ids(&chosen);
    let others = read_unrestored(hosted, &chosen, progress).await?;
    let mut impact = RestoreImpact::assess(&chosen, &logs, &others);
    let suffix = timestamp_digits(clock.now());
    let mut modules: Vec<_> = pairs
        .iter()
        .map(|(data, backup)| describe_target(data, backup))
        .collect();
    if !options.dry_run {
        let mut targets = Vec::new();
        for ((data, backup), state) in pairs.into_iter().zip(states) {
            let adjustments = Adjustments {
                module: backup.module.clone(),
                suffix: suffix.clone(),
                logs: logs.clone(),
                token: highest_token_of(data, state).await?,
            };
            let target = Target {
                data,
                backup,
                adjustments,
            };
            write_draft(&target, directory).await?;
            targets.push(target);
        }
        let command = options.finishing_command(directory);
        replace_marked(&targets, &mut modules, directory, &command, progress).await?;
        // The data is complete: a subscription that is not resynced is held, and `doctor` lists it.
        if options.resync {
            resync_subscriptions(hosted, &chosen, &mut impact, progress).await?;
        }
    }
    Ok(RestoreReport {
        dry_run: options.dry_run,
        modules,
        impact,
    })
}

/// Replaces the data of all targets under marks, so that no process starts on a part of them.
async fn replace_marked(
    targets: &[Target<'_>],
    restored: &mut [RestoredModule],
    directory: &Path,
    command: &str,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let data: Vec<_> = targets.iter().map(|target| target.data).collect();
    let marks = Marks::set(data.clone(), command).await?;
    // A process may have started since the first look; from here on, none does.
    if let Err(in_use) = require_unused(&data).await {
        marks.withdraw().await?;
        return Err(in_use);
    }
    fault_point("restore-marked").await;
    for (number, (target, restored)) in targets.iter().zip(restored).enumerate() {
        match replace_data(target, directory, progress).await {
            Ok(aside) => restored.replaced = aside,
            Err(Unreplaced { error, is_undone }) => {
                if is_undone && number == 0 {
                    marks.withdraw().await?;
                } else {
                    progress(format!(
                        "no process starts on this data before the restore has ended: `{command}`"
                    ));
                }
                return Err(error);
            }
        }
        progress(format!("{}: restored", target.data.name()));
        fault_point("restore-replaced-one").await;
    }
    marks.clear().await
}

async fn require_intact(directory: &Path, backup: &ModuleBackup, progress: Progress<'_>) -> Result<(), BackupError> {
    progress(format!("{}: checking the backup", backup.module));
    let verified = verify::verify_module(directory, backup).await;
    match verified.problems.into_iter().next() {
        Some(problem) => Err(BackupError::damaged(directory, problem)),
        None => Ok(()),
    }
}

/// Fails if a target has data that the options do not let the restore replace.
fn require_replaceable(
    data: &[&ModuleData],
    states: &[TargetState],
    options: &RestoreOptions,
) -> Result<(), BackupError> {
    let occupied = data.iter().zip(states).find(|(_, state)| **state != TargetState::Empty);
    match occupied {
        Some((data, _)) if !options.replace => Err(BackupError::TargetNotEmpty {
            module: data.name().to_owned(),
            location: data.url.to_string(),
        }),
        _ => Ok(()),
    }
}

/// Pairs each backed-up module with its hosted data.
fn match_targets<'a>(
    hosted: &'a [ModuleData],
    chosen: &[&'a ModuleBackup],
) -> Result<Vec<(&'a ModuleData, &'a ModuleBackup)>, BackupError> {
    let (mut targets, mut missing) = (Vec::new(), Vec::new());
    for backup in chosen {
        match hosted.iter().find(|data| data.name() == backup.module) {
            Some(data) => targets.push((data, *backup)),
            None => missing.push(backup.module.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(targets);
    }
    Err(BackupError::NotHostedHere {
        modules: missing.join(", "),
    })
}

/// Requires the same engine, and that this binary has every migration of the backup with the same text.
fn require_compatible(data: &ModuleData, backup: &ModuleBackup, manifest: &Manifest) -> Result<(), BackupError> {
    let (module, engine) = (backup.module.clone(), data.url.engine());
    if backup.engine != engine.to_string() {
        return Err(BackupError::EngineMismatch {
            module,
            from: backup.engine.clone(),
            to: engine.to_string(),
        });
    }
    let known = carried_migrations(data.schema, engine)?;
    for entry in &backup.positions.migrations {
        let own = known
            .iter()
            .find(|(own, _)| own.set == entry.set && own.version == entry.version);
        let how = match own {
            None => "does not know",
            Some((_, checksum)) if hex(checksum) != entry.checksum => "has with a different text",
            Some(_) => continue,
        };
        return Err(BackupError::UnknownMigration {
            module,
            migration: format!("{} {}", entry.set, entry.name),
            how,
            version: manifest.store_version.clone(),
        });
    }
    Ok(())
}

fn assign_log_ids(chosen: &[&ModuleBackup]) -> Vec<RestoredLog> {
    let logs = chosen.iter().filter_map(|backup| {
        let backed_up = backup.positions.log.clone()?;
        Some(RestoredLog {
            module: backup.module.clone(),
            backed_up,
            new_id: Uuid::new_v4(),
        })
    });
    logs.collect()
}

/// Reads the modules that are not restored. An unreadable module is reported and does not prevent the restore.
async fn read_unrestored(
    hosted: &[ModuleData],
    chosen: &[&ModuleBackup],
    progress: Progress<'_>,
) -> Result<Vec<UnrestoredModule>, BackupError> {
    // Changes after the earliest snapshot may be lost by the restore.
    let Some(moment) = chosen.iter().map(|backup| backup.taken_at).min() else {
        return Ok(Vec::new());
    };
    let mut others = Vec::new();
    for data in hosted {
        if chosen.iter().any(|backup| backup.module == data.name()) {
            continue;
        }
        let read = async {
            let Some(mut connection) = Connection::open_data(data).await? else {
                return Ok(None);
            };
            let found = async {
                let positions = Positions::read(&mut connection).await?;
                Ok((
                    positions,
                    positions::read_sagas_changed_after(&mut connection, moment).await?,
                ))
            };
            let (positions, sagas_changed_after) = found
                .await
                .map_err(|cause| database_error(data, "reading the positions", cause))?;
            Ok::<_, BackupError>(Some(UnrestoredModule {
                module: data.name().to_owned(),
                positions,
                sagas_changed_after,
            }))
        };
        match read.await {
            Ok(other) => others.extend(other),
            Err(error) => progress(format!(
                "{}: subscriptions and sagas are not listed: {error}",
                data.name()
            )),
        }
    }
    Ok(others)
}

fn describe_target(data: &ModuleData, backup: &ModuleBackup) -> RestoredModule {
    RestoredModule {
        module: backup.module.clone(),
        location: data.url.to_string(),
        replaced: None,
        store_id: backup.positions.store_id,
        role: backup.positions.role.clone(),
        rows: backup.tables.iter().map(|table| table.rows).sum(),
    }
}

async fn highest_token_of(data: &ModuleData, state: TargetState) -> Result<i64, BackupError> {
    if state == TargetState::Corrupt {
        // The tokens of a corrupt file are unreadable, and no process can be working with the file.
        return Ok(0);
    }
    match Connection::open_data(data).await? {
        None => Ok(0),
        Some(mut connection) => {
            let token = highest_token(&mut connection).await;
            let _ = connection.close().await;
            token.map_err(|cause| database_error(data, "reading the tokens", cause))
        }
    }
}

/// Prepares as much as possible beside the data, so that the data is half restored for a short time only.
async fn write_draft(target: &Target<'_>, directory: &Path) -> Result<(), BackupError> {
    let Target {
        data,
        backup,
        adjustments,
    } = target;
    match data.file() {
        Some(file) => sqlite::write_draft(data, &file, backup, directory, adjustments).await,
        None => Ok(()),
    }
}

/// Moves existing data aside and puts the restored data in its place. Returns the name of the data moved aside.
async fn replace_data(
    target: &Target<'_>,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<Option<String>, Unreplaced> {
    let Target {
        data,
        backup,
        adjustments,
    } = target;
    match &data.url {
        DatabaseUrl::Postgres(login) => {
            postgres::restore_schema(data, login, backup, directory, adjustments, progress).await
        }
        DatabaseUrl::Sqlite(_) => {
            let Some(file) = data.file() else { return Ok(None) };
            let aside = sqlite::put_draft_in_place(data, &file, adjustments).await?;
            Ok(aside.map(|path| path.display().to_string()))
        }
    }
}

/// Resolves the held subscriptions of modules that were not restored.
async fn resync_subscriptions(
    hosted: &[ModuleData],
    chosen: &[&ModuleBackup],
    impact: &mut RestoreImpact,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let is_restored = |module: &str| chosen.iter().any(|backup| backup.module == module);
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(1),
            modules: 1,
        },
        ..DbOptions::default()
    };
    for subscription in &mut impact.subscriptions {
        let Some(data) = hosted.iter().find(|data| data.name() == subscription.subscriber) else {
            continue;
        };
        if subscription.outcome != SubscriptionOutcome::Held || is_restored(&subscription.subscriber) {
            continue;
        }
        let db = Db::open(data.schema, &data.url, &options).await?;
        let mut cx = CallContext::root("operator");
        if subscription.is_projection {
            rebuild(&db, &mut cx, &subscription.subscription).await?;
        } else {
            replay(
                &db,
                &mut cx,
                &subscription.subscription,
                subscription.log_end.unwrap_or(0) + 1,
            )
            .await?;
        }
        db.close().await;
        progress(format!(
            "{}: {} moved to the new log",
            subscription.subscriber, subscription.subscription
        ));
        subscription.outcome = SubscriptionOutcome::Resynced;
    }
    Ok(())
}
