//! Whether anybody works on a module's data: nothing is put in its place under a process that does.

use std::time::Duration;

use offshoot_db::{DatabaseUrl, sql};
use uuid::Uuid;

use crate::link::{Link, failed};
use crate::{BackupError, ModuleData, sqlite, tables};

/// Longer than a process takes to show that it is there, which it does once a second.
const WATCHED: Duration = Duration::from_secs(3);

/// What is in the module's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing, or a schema that was only migrated.
    Empty,
    /// Data.
    Data,
    /// A file that SQLite does not take for a database.
    Ruined,
}

/// A process that works on the data: how often it has said so, and where it runs.
type Beats = Vec<(Uuid, i64, String)>;

/// What each place holds; fails if somebody works on one of them.
pub(crate) async fn require_unused(places: &[&ModuleData]) -> Result<Vec<Place>, BackupError> {
    let mut found = Vec::new();
    let mut watched = Vec::new();
    for data in places {
        let place = match data.file() {
            Some(file) => on_sqlite(data, &file).await?,
            None => on_postgres(data, &mut watched).await?,
        };
        found.push(place);
    }
    if !watched.is_empty() {
        // A row alone says nothing: a process that was killed has left one.
        tokio::time::sleep(WATCHED).await;
    }
    for (data, mut link, before) in watched {
        let now = beats(data, &mut link).await?;
        let moves = |(instance, beats, _): &&(Uuid, i64, String)| {
            let earlier = before.iter().find(|(known, ..)| known == instance);
            earlier.is_none_or(|(_, earlier, _)| earlier != beats)
        };
        if let Some((_, _, place)) = now.iter().find(moves) {
            return Err(in_use(data, format!("the process at {place}")));
        }
    }
    Ok(found)
}

async fn on_sqlite(data: &ModuleData, file: &std::path::Path) -> Result<Place, BackupError> {
    if !file.exists() {
        return Ok(Place::Empty);
    }
    match sqlite::is_free(file).await {
        Ok(true) => {}
        Ok(false) => return Err(in_use(data, "a process that has the file open".to_owned())),
        Err(error) if sqlite::is_ruined(&error) => return Ok(Place::Ruined),
        Err(error) => return Err(failed(data, "taking the file", error)),
    }
    match Link::to_read(data).await? {
        None => Ok(Place::Empty),
        Some(mut link) => content(data, &mut link).await,
    }
}

async fn on_postgres<'a>(
    data: &'a ModuleData,
    watched: &mut Vec<(&'a ModuleData, Link, Beats)>,
) -> Result<Place, BackupError> {
    let Some(mut link) = Link::to_read(data).await? else {
        return Ok(Place::Empty);
    };
    // A process with nothing to do has no connection for long, and one that runs elsewhere may hide behind a pool: this
    // finds those that it can find at once, and beats find the others.
    let sql = sql!(
        sqlite: "SELECT 0 WHERE $1 IS NULL",
        postgres: "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
    );
    let connected = link.one::<(i64,)>(sql, (format!("offshoot {}", data.name()),)).await;
    let (connected,) = connected.map_err(|cause| failed(data, "looking for connections", cause))?;
    if connected > 0 {
        return Err(in_use(
            data,
            format!("{connected} connections of processes of the store"),
        ));
    }
    let place = content(data, &mut link).await?;
    let before = beats(data, &mut link).await?;
    if !before.is_empty() {
        watched.push((data, link, before));
    }
    Ok(place)
}

async fn content(data: &ModuleData, link: &mut Link) -> Result<Place, BackupError> {
    match tables::has_content(link).await {
        Ok(true) => Ok(Place::Data),
        Ok(false) => Ok(Place::Empty),
        Err(error) if sqlite::is_ruined(&error) => Ok(Place::Ruined),
        Err(error) => Err(failed(data, "looking for data", error)),
    }
}

async fn beats(data: &ModuleData, link: &mut Link) -> Result<Beats, BackupError> {
    let read = async {
        if !link.has_table("offshoot_replicas").await? {
            return Ok(Vec::new());
        }
        link.all(sql!("SELECT instance, beats, place FROM offshoot_replicas"), ())
            .await
    };
    read.await.map_err(|cause| failed(data, "looking for replicas", cause))
}

fn in_use(data: &ModuleData, who: String) -> BackupError {
    let place = match &data.url {
        DatabaseUrl::Sqlite(directory) => directory.display().to_string(),
        url => url.to_string(),
    };
    BackupError::InUse {
        module: data.name().to_owned(),
        place,
        who,
    }
}
