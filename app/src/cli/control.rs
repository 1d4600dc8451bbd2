//! The control database of strangler migrations, for commands that migrate, back up and examine data.
//!
//! The control database is no module: commands about modules do not list it.

use anyhow::{Result, bail};
use offshoot_backup::ModuleData;
use offshoot_contract::CallContext;
use offshoot_db::{DatabaseUrl, Db, MigrationState, ModuleSchema, migration_status};
use offshoot_strangler::Migration;
use offshoot_strangler::store::records;

use super::database_url::url_of;
use crate::config::Settings;
use crate::serve::control::{CONTROL, is_known_to_commands, is_missing, options, records_file};

/// Name of the schema, and of the data in backups.
pub(super) const NAME: &str = CONTROL.module;

/// Schema and location, for commands that change schemas. `None` on SQLite before the first migration of a module: only a
/// started migration creates the file.
pub(super) fn schema(settings: &Settings, login: Option<&str>) -> Result<Option<(&'static ModuleSchema, DatabaseUrl)>> {
    let url = url_of(NAME, settings, login)?;
    Ok(is_known_to_commands(&url).then_some((&CONTROL, url)))
}

/// Location of the data, whether the data exists or not.
pub(super) fn data(settings: &Settings, login: Option<&str>) -> Result<ModuleData> {
    Ok(ModuleData {
        schema: &CONTROL,
        url: url_of(NAME, settings, login)?,
    })
}

/// The records of all migrations, by module. `None` if there is no control database.
pub(super) async fn read_records(settings: &Settings) -> Result<Option<Vec<(String, Migration)>>> {
    let Some((schema, url)) = schema(settings, None)? else {
        return Ok(None);
    };
    // Opening migrates an old file, which a reading command must not do.
    let migrations = match migration_status(schema, &url, &options(settings)).await {
        Err(error) if is_missing(&error) && !records_file(settings).exists() => return Ok(None),
        migrations => migrations?,
    };
    let missing = migrations.iter().filter(|known| known.state == MigrationState::Missing);
    match missing.clone().next() {
        None if migrations.is_empty() => return Ok(None),
        None => {}
        Some(_) if missing.count() == migrations.len() => return Ok(None),
        Some(first) => {
            let name = &first.migration.name;
            bail!("the schema of {NAME} lacks {name}: bring it up to date with `offshoot db migrate`");
        }
    }
    let db = Db::open(schema, &url, &options(settings)).await?;
    let mut cx = CallContext::root("strangler");
    let read = async {
        let mut read = db.read(&mut cx).await?;
        records(&mut read).await
    };
    let found = read.await;
    db.close().await;
    Ok(Some(found?))
}

/// The data, if a module was ever moved. A schema that `offshoot db migrate` made and nobody uses has nothing to keep.
pub(super) async fn data_in_use(settings: &Settings) -> Result<Option<ModuleData>> {
    let is_used = read_records(settings).await?.is_some_and(|records| !records.is_empty());
    is_used.then(|| data(settings, None)).transpose()
}
