//! Guard before a restore: finds processes that use a module's data, so that no data is replaced under a running
//! process.

use offshoot_db::{DatabaseUrl, sql};
use uuid::Uuid;

use crate::connection::{Connection, database_error};
use crate::error::BackupError;
use crate::limits::OBSERVATION_PERIOD;
use crate::{ModuleData, sqlite, tables};

/// Content of the restore target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetState {
    /// No data, or a schema with migrations only.
    Empty,
    /// Data of the module.
    Occupied,
    /// A file that is not a readable SQLite database.
    Corrupt,
}

/// Heartbeats of the processes that use the data: instance, count, name.
type Heartbeats = Vec<(Uuid, i64, String)>;

/// Inspects the target of each module. Fails if a process uses a target.
pub(crate) async fn require_unused(hosted: &[&ModuleData]) -> Result<Vec<TargetState>, BackupError> {
    let mut states = Vec::new();
    let mut observed = Vec::new();
    for data in hosted {
        let state = match data.file() {
            Some(file) => inspect_sqlite(data, &file).await?,
            None => inspect_postgres(data, &mut observed).await?,
        };
        states.push(state);
    }
    if !observed.is_empty() {
        // A heartbeat row alone proves nothing: a killed process leaves its row behind.
        tokio::time::sleep(OBSERVATION_PERIOD).await;
    }
    for (data, mut connection, before) in observed {
        let now = read_heartbeats(data, &mut connection).await?;
        let has_advanced = |(instance, heartbeats, _): &&(Uuid, i64, String)| {
            let earlier = before.iter().find(|(known, ..)| known == instance);
            earlier.is_none_or(|(_, earlier, _)| earlier != heartbeats)
        };
        if let Some((_, _, process)) = now.iter().find(has_advanced) {
            return Err(in_use(data, process.clone()));
        }
    }
    Ok(states)
}

async fn inspect_sqlite(data: &ModuleData, file: &std::path::Path) -> Result<TargetState, BackupError> {
    if !file.exists() {
        return Ok(TargetState::Empty);
    }
    match sqlite::is_unused(file).await {
        Ok(true) => {}
        Ok(false) => return Err(in_use(data, "a process that has the file open".to_owned())),
        Err(error) if sqlite::is_corrupt(&error) => return Ok(TargetState::Corrupt),
        Err(error) => return Err(database_error(data, "locking the file", error)),
    }
    match Connection::open_data(data).await? {
        None => Ok(TargetState::Empty),
        Some(mut connection) => classify_content(data, &mut connection).await,
    }
}

async fn inspect_postgres<'a>(
    data: &'a ModuleData,
    observed: &mut Vec<(&'a ModuleData, Connection, Heartbeats)>,
) -> Result<TargetState, BackupError> {
    let Some(mut connection) = Connection::open_data(data).await? else {
        return Ok(TargetState::Empty);
    };
    // Connections show a process at once. Heartbeats show the rest: an idle process closes its connections, and a
    // pooler may hide the application name of a remote process.
    let sql = sql!(
        sqlite: "SELECT 0 WHERE $1 IS NULL",
        postgres: "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name || ' ', $1) AND datname = current_database()",
    );
    let connected = connection
        .fetch_one::<(i64,)>(sql, (format!("offshoot {} ", data.name()),))
        .await;
    let (connected,) = connected.map_err(|cause| database_error(data, "counting connections", cause))?;
    if connected > 0 {
        return Err(in_use(data, format!("{connected} connections of store processes")));
    }
    let state = classify_content(data, &mut connection).await?;
    let before = read_heartbeats(data, &mut connection).await?;
    if !before.is_empty() {
        observed.push((data, connection, before));
    }
    Ok(state)
}

async fn classify_content(data: &ModuleData, connection: &mut Connection) -> Result<TargetState, BackupError> {
    match tables::has_content(connection).await {
        Ok(true) => Ok(TargetState::Occupied),
        Ok(false) => Ok(TargetState::Empty),
        Err(error) if sqlite::is_corrupt(&error) => Ok(TargetState::Corrupt),
        Err(error) => Err(database_error(data, "looking for data", error)),
    }
}

async fn read_heartbeats(data: &ModuleData, connection: &mut Connection) -> Result<Heartbeats, BackupError> {
    let read = async {
        if !connection.has_table("offshoot_replicas").await? {
            return Ok(Vec::new());
        }
        connection
            .fetch_all(sql!("SELECT instance, heartbeats, process FROM offshoot_replicas"), ())
            .await
    };
    read.await
        .map_err(|cause| database_error(data, "reading heartbeats", cause))
}

fn in_use(data: &ModuleData, user: String) -> BackupError {
    let location = match &data.url {
        DatabaseUrl::Sqlite(directory) => directory.display().to_string(),
        url => url.to_string(),
    };
    BackupError::InUse {
        module: data.name().to_owned(),
        location,
        user,
    }
}
