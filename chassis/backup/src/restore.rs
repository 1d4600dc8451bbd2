//! Putting a backup back: into an empty place, or in place of data that is moved aside.

use std::path::Path;

use offshoot_contract::{CallContext, Clock};
use offshoot_db::{DatabaseUrl, Db, DbOptions, PgBudget, carried};
use offshoot_outbox::{rebuild, replay};
use serde::Serialize;
use uuid::Uuid;

use crate::aftermath::{Aftermath, Fate, Finishing, NewLog, Other, highest_token, stamp};
use crate::guard::{Place, require_unused};
use crate::link::{Link, failed};
use crate::manifest::Manifest;
use crate::positions::{self, hex};
use crate::{BackupError, ModuleBackup, ModuleData, Positions, Tell, postgres, sqlite, verify};

/// What is restored, and how.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// These modules only; all of the backup if none is named.
    pub modules: Vec<String>,
    /// Data that is there is moved aside.
    pub replace: bool,
    /// Everything is checked and nothing is done.
    pub dry_run: bool,
    /// Subscriptions of other modules that would hold are decided for: copies are made anew, others go on at the end of the
    /// restored log.
    pub resync: bool,
}

/// One module that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The module.
    pub module: String,
    /// Where its data lives.
    pub place: String,
    /// Where the data that was there is now.
    pub replaced: Option<String>,
    /// Which store it is.
    pub store_id: Uuid,
    /// What this database is to the module's data, as the backup has it: only `open` takes writes.
    pub role: String,
    /// Rows in its tables.
    pub rows: u64,
}

/// What was done, and what it means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreReport {
    /// Nothing was done.
    pub dry_run: bool,
    /// Each module.
    pub modules: Vec<Restored>,
    /// What becomes of cursors and sagas.
    pub aftermath: Aftermath,
}

/// Restores modules of a backup. `places` are all whose data this configuration has: those that are not restored are looked
/// at, and with [`RestoreOptions::resync`] their subscriptions are moved.
pub async fn restore(
    places: &[ModuleData],
    directory: &Path,
    options: &RestoreOptions,
    clock: &dyn Clock,
    tell: Tell<'_>,
) -> Result<RestoreReport, BackupError> {
    let manifest = Manifest::read(directory)?;
    let chosen = manifest.chosen(&options.modules)?;
    let targets = targets(places, &chosen)?;
    for (data, backup) in &targets {
        require_fit(data, backup, &manifest)?;
        tell(format!("{}: checking the backup", backup.module));
        if let Some(problem) = verify::check(directory, backup).await.problems.into_iter().next() {
            return Err(BackupError::damaged(directory, problem));
        }
    }
    tell("looking for processes that work on the data".to_owned());
    let data: Vec<_> = targets.iter().map(|(data, _)| *data).collect();
    let found = require_unused(&data).await?;
    let occupied = targets.iter().zip(&found).find(|(_, place)| **place != Place::Empty);
    if let (Some(((data, _), _)), false) = (occupied, options.replace) {
        return Err(BackupError::HasData {
            module: data.name().to_owned(),
            place: data.url.to_string(),
        });
    }
    let logs = new_logs(&chosen);
    let others = others(places, &chosen, tell).await?;
    let mut aftermath = Aftermath::of(&chosen, &logs, &others);
    let stamp = stamp(clock.now());
    let mut modules = Vec::new();
    for ((data, backup), place) in targets.into_iter().zip(found) {
        let mut restored = unrestored(data, backup);
        if !options.dry_run {
            let finishing = Finishing {
                module: backup.module.clone(),
                stamp: stamp.clone(),
                logs: logs.clone(),
                token: token_of(data, place).await?,
            };
            restored.replaced = one(data, backup, directory, &finishing, tell).await?;
            tell(format!("{}: restored", data.name()));
        }
        modules.push(restored);
    }
    if options.resync && !options.dry_run {
        resync(places, &chosen, &mut aftermath, tell).await?;
    }
    Ok(RestoreReport {
        dry_run: options.dry_run,
        modules,
        aftermath,
    })
}

/// Where each module goes.
fn targets<'a>(
    places: &'a [ModuleData],
    chosen: &[&'a ModuleBackup],
) -> Result<Vec<(&'a ModuleData, &'a ModuleBackup)>, BackupError> {
    let (mut targets, mut missing) = (Vec::new(), Vec::new());
    for backup in chosen {
        match places.iter().find(|data| data.name() == backup.module) {
            Some(data) => targets.push((data, *backup)),
            None => missing.push(backup.module.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(targets);
    }
    Err(BackupError::NotHere {
        modules: missing.join(", "),
    })
}

/// The same engine, and only migrations that this binary has word for word.
fn require_fit(data: &ModuleData, backup: &ModuleBackup, manifest: &Manifest) -> Result<(), BackupError> {
    let (module, engine) = (backup.module.clone(), data.url.engine());
    if backup.engine != engine.to_string() {
        return Err(BackupError::OtherEngine {
            module,
            from: backup.engine.clone(),
            to: engine.to_string(),
        });
    }
    let known = carried(data.schema, engine)?;
    for entry in &backup.positions.migrations {
        let own = known
            .iter()
            .find(|(own, _)| own.set == entry.set && own.version == entry.version);
        let how = match own {
            None => "does not know",
            Some((_, checksum)) if hex(checksum) != entry.checksum => "knows with another text",
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

fn new_logs(chosen: &[&ModuleBackup]) -> Vec<NewLog> {
    let logs = chosen.iter().filter_map(|backup| {
        let before = backup.positions.log.clone()?;
        Some(NewLog {
            module: backup.module.clone(),
            before,
            id: Uuid::new_v4(),
        })
    });
    logs.collect()
}

/// The modules that are not restored and whose data can be read. One that cannot be keeps nobody from restoring.
async fn others(places: &[ModuleData], chosen: &[&ModuleBackup], tell: Tell<'_>) -> Result<Vec<Other>, BackupError> {
    // What was done after the first of them was taken may be gone.
    let Some(moment) = chosen.iter().map(|backup| backup.taken_at).min() else {
        return Ok(Vec::new());
    };
    let mut others = Vec::new();
    for data in places {
        if chosen.iter().any(|backup| backup.module == data.name()) {
            continue;
        }
        let read = async {
            let Some(mut link) = Link::to_read(data).await? else {
                return Ok(None);
            };
            let found = async {
                let positions = Positions::read(&mut link).await?;
                Ok((positions, positions::sagas_since(&mut link, moment).await?))
            };
            let (positions, sagas_since) = found
                .await
                .map_err(|cause| failed(data, "reading the positions", cause))?;
            Ok::<_, BackupError>(Some(Other {
                module: data.name().to_owned(),
                positions,
                sagas_since,
            }))
        };
        match read.await {
            Ok(other) => others.extend(other),
            Err(error) => tell(format!(
                "{}: its cursors and sagas are not listed: {error}",
                data.name()
            )),
        }
    }
    Ok(others)
}

fn unrestored(data: &ModuleData, backup: &ModuleBackup) -> Restored {
    Restored {
        module: backup.module.clone(),
        place: data.url.to_string(),
        replaced: None,
        store_id: backup.positions.store_id,
        role: backup.positions.role.clone(),
        rows: backup.tables.iter().map(|table| table.rows).sum(),
    }
}

async fn token_of(data: &ModuleData, place: Place) -> Result<i64, BackupError> {
    if place == Place::Ruined {
        // Nothing can be read there, and no process can have it open and work.
        return Ok(0);
    }
    match Link::to_read(data).await? {
        None => Ok(0),
        Some(mut link) => {
            let token = highest_token(&mut link).await;
            let _ = link.close().await;
            token.map_err(|cause| failed(data, "reading the tokens", cause))
        }
    }
}

async fn one(
    data: &ModuleData,
    backup: &ModuleBackup,
    directory: &Path,
    finishing: &Finishing,
    tell: Tell<'_>,
) -> Result<Option<String>, BackupError> {
    match &data.url {
        DatabaseUrl::Postgres(login) => postgres::restore(data, login, backup, directory, finishing, tell).await,
        DatabaseUrl::Sqlite(_) => {
            let Some(file) = data.file() else { return Ok(None) };
            let aside = sqlite::restore(data, &file, backup, directory, finishing).await?;
            Ok(aside.map(|path| path.display().to_string()))
        }
    }
}

/// Decides for the subscriptions of modules that were not restored.
async fn resync(
    places: &[ModuleData],
    chosen: &[&ModuleBackup],
    aftermath: &mut Aftermath,
    tell: Tell<'_>,
) -> Result<(), BackupError> {
    let is_restored = |module: &str| chosen.iter().any(|backup| backup.module == module);
    let options = DbOptions {
        postgres: PgBudget {
            connections: 1,
            modules: 1,
        },
        ..DbOptions::default()
    };
    for fate in &mut aftermath.cursors {
        let Some(data) = places.iter().find(|data| data.name() == fate.subscriber) else {
            continue;
        };
        if fate.fate != Fate::Holds || is_restored(&fate.subscriber) {
            continue;
        }
        let db = Db::open(data.schema, &data.url, &options).await?;
        let mut cx = CallContext::root("operator");
        if fate.copies {
            rebuild(&db, &mut cx, &fate.subscription).await?;
        } else {
            replay(&db, &mut cx, &fate.subscription, fate.last.unwrap_or(0) + 1).await?;
        }
        db.close().await;
        tell(format!(
            "{}: {} is moved to the new log",
            fate.subscriber, fate.subscription
        ));
        fate.fate = Fate::Resynced;
    }
    Ok(())
}
