//! Records of migrations and their history.

use offshoot_contract::CallFailure;
use offshoot_db::{Queries, Tx, sql};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::change::Step;
use crate::migration::{Entry, Migration};

/// The record of a module. `None` if the module was never moved.
pub async fn record(read: &mut Queries, module: &str) -> Result<Option<Migration>, CallFailure> {
    let row: Option<(String,)> = read
        .fetch_optional(sql!("SELECT record FROM moves WHERE module = $1"), (module,))
        .await?;
    row.map(|(json,)| decode(&json, "record")).transpose()
}

/// All records by module.
pub async fn records(read: &mut Queries) -> Result<Vec<(String, Migration)>, CallFailure> {
    let rows: Vec<(String, String)> = read
        .fetch_all(sql!("SELECT module, record FROM moves ORDER BY module"), ())
        .await?;
    rows.into_iter()
        .map(|(module, json)| Ok((module, decode(&json, "record")?)))
        .collect()
}

/// Generation and last judged window of a record. A record that is written again has a higher version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// See [`Migration::generation`].
    pub generation: u64,
    /// See [`Migration::judged`].
    pub judged: u64,
}

impl From<&Migration> for Version {
    fn from(record: &Migration) -> Self {
        Self {
            generation: record.generation,
            judged: record.judged,
        }
    }
}

/// The version of each record, by module.
pub async fn versions(read: &mut Queries) -> Result<Vec<(String, Version)>, CallFailure> {
    let rows: Vec<(String, i64, i64)> = read
        .fetch_all(sql!("SELECT module, generation, judged FROM moves ORDER BY module"), ())
        .await?;
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let version = |(module, generation, judged)| {
        let version = Version {
            generation: count(generation),
            judged: count(judged),
        };
        (module, version)
    };
    Ok(rows.into_iter().map(version).collect())
}

/// Writes an accepted step over `before`. False if the record has changed meanwhile: nothing was written.
pub async fn write(tx: &mut Tx<'_>, module: &str, before: &Migration, step: &Step) -> Result<bool, CallFailure> {
    let after = &step.migration;
    let record = encode(after)?;
    let written = if before.generation == 0 && before.judged == 0 {
        tx.execute(
            sql!(
                "INSERT INTO moves (module, generation, judged, record) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (module) DO NOTHING"
            ),
            (
                module,
                number(after.generation)?,
                number(after.judged)?,
                record.as_str(),
            ),
        )
        .await?
    } else {
        tx.execute(
            sql!(
                "UPDATE moves SET generation = $4, judged = $5, record = $6 \
                 WHERE module = $1 AND generation = $2 AND judged = $3"
            ),
            (
                module,
                number(before.generation)?,
                number(before.judged)?,
                number(after.generation)?,
                number(after.judged)?,
                record.as_str(),
            ),
        )
        .await?
    };
    if written == 0 {
        return Ok(false);
    }
    if let Some(entry) = &step.entry {
        append(tx, module, entry).await?;
    }
    Ok(true)
}

async fn append(tx: &mut Tx<'_>, module: &str, entry: &Entry) -> Result<(), CallFailure> {
    let json = encode(entry)?;
    tx.execute(
        sql!("INSERT INTO history (module, generation, at, entry) VALUES ($1, $2, $3, $4)"),
        (module, number(entry.generation)?, entry.at, json.as_str()),
    )
    .await
    .map(drop)
}

/// Entries of a module above a generation, the oldest first, at most `limit`.
pub async fn history(read: &mut Queries, module: &str, above: u64, limit: u32) -> Result<Vec<Entry>, CallFailure> {
    let rows: Vec<(String,)> = read
        .fetch_all(
            sql!("SELECT entry FROM history WHERE module = $1 AND generation > $2 ORDER BY generation LIMIT $3"),
            (module, number(above)?, i64::from(limit)),
        )
        .await?;
    rows.iter().map(|(json,)| decode(json, "history entry")).collect()
}

pub(super) fn encode(value: &impl Serialize) -> Result<String, CallFailure> {
    serde_json::to_string(value).map_err(|error| CallFailure::internal("a record does not encode").caused_by(error))
}

/// Decodes a stored value. A newer binary may have written what this one does not know.
pub(super) fn decode<T: DeserializeOwned>(json: &str, what: &str) -> Result<T, CallFailure> {
    serde_json::from_str(json).map_err(|error| {
        CallFailure::internal(format!("a {what} of the control database does not decode")).caused_by(error)
    })
}

/// A count as the databases store it.
pub(super) fn number(count: u64) -> Result<i64, CallFailure> {
    i64::try_from(count).map_err(|error| CallFailure::internal("a count exceeds 2^63").caused_by(error))
}
