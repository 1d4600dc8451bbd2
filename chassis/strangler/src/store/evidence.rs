//! Counts and differences of a stage, by build of the candidate.

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Queries, Tx, sql};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::moves::{decode, encode, number};
use crate::evidence::Evidence;

/// Samples that are kept of a class.
const SAMPLES_PER_CLASS: usize = 5;
/// Classes that are kept of a stage. Further classes would be as many faults in one.
const CLASSES_PER_STAGE: i64 = 50;

/// One stage and one build of a module.
#[derive(Debug, Clone, Copy)]
pub struct StageOfBuild<'a> {
    /// The module.
    pub module: &'a str,
    /// The generation that entered the stage.
    pub entered: u64,
    /// Build of the candidate.
    pub build: &'a str,
}

/// Writes the cumulative counts of one process for one stage and one build.
pub async fn put_evidence(
    tx: &mut Tx<'_>,
    module: &str,
    instance: Uuid,
    evidence: &Evidence,
) -> Result<(), CallFailure> {
    let json = encode(evidence)?;
    tx.execute(
        sql!(
            "INSERT INTO evidence (module, entered, build, instance, counts) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (module, entered, build, instance) DO UPDATE SET counts = excluded.counts"
        ),
        (
            module,
            number(evidence.entered)?,
            evidence.build.as_str(),
            instance,
            json.as_str(),
        ),
    )
    .await
    .map(drop)
}

/// The counts of a stage and a build, summed over all processes, also those that were killed.
pub async fn sum_of_stage(read: &mut Queries, stage: StageOfBuild<'_>) -> Result<Evidence, CallFailure> {
    let rows: Vec<(String,)> = read
        .fetch_all(
            sql!("SELECT counts FROM evidence WHERE module = $1 AND entered = $2 AND build = $3"),
            (stage.module, number(stage.entered)?, stage.build),
        )
        .await?;
    sum(&rows, stage.entered, stage.build)
}

/// The counts of a stage, summed over all processes and all builds: harm is harm, whichever build does it.
pub async fn sum_of_all_builds(read: &mut Queries, module: &str, entered: u64) -> Result<Evidence, CallFailure> {
    let rows: Vec<(String,)> = read
        .fetch_all(
            sql!("SELECT counts FROM evidence WHERE module = $1 AND entered = $2"),
            (module, number(entered)?),
        )
        .await?;
    sum(&rows, entered, "")
}

fn sum(rows: &[(String,)], entered: u64, build: &str) -> Result<Evidence, CallFailure> {
    let mut sum = Evidence {
        entered,
        build: build.to_owned(),
        ..Evidence::default()
    };
    for (json,) in rows {
        sum.add(&decode(json, "count")?);
    }
    Ok(sum)
}

/// Removes the counts and differences of stages before `entered`.
pub async fn remove_old_stages(tx: &mut Tx<'_>, module: &str, entered: u64) -> Result<(), CallFailure> {
    let before = (module, number(entered)?);
    tx.execute(sql!("DELETE FROM evidence WHERE module = $1 AND entered < $2"), before)
        .await?;
    tx.execute(
        sql!("DELETE FROM differences WHERE module = $1 AND entered < $2"),
        before,
    )
    .await
    .map(drop)
}

/// A class of differences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceClass {
    /// Method, field and kind.
    pub class: String,
    /// Number of differences.
    pub seen: u64,
    /// The first and the last difference.
    pub first_at: Timestamp,
    /// See `first_at`.
    pub last_at: Timestamp,
    /// Redacted pairs of answers.
    pub samples: Vec<Value>,
}

/// Counts a difference, and keeps the sample if the class has few. Beyond 50 classes only known ones are counted.
pub async fn add_difference(
    tx: &mut Tx<'_>,
    stage: StageOfBuild<'_>,
    class: &str,
    at: Timestamp,
    sample: &Value,
) -> Result<(), CallFailure> {
    let key = (stage.module, number(stage.entered)?, stage.build);
    let known: Option<(String,)> = tx
        .fetch_optional(
            sql!("SELECT samples FROM differences WHERE module = $1 AND entered = $2 AND build = $3 AND class = $4"),
            (key.0, key.1, key.2, class),
        )
        .await?;
    let Some((samples,)) = known else {
        return insert_class(tx, key, class, at, sample).await;
    };
    let mut samples: Vec<Value> = decode(&samples, "sample")?;
    if samples.len() < SAMPLES_PER_CLASS {
        samples.push(sample.clone());
    }
    let samples = encode(&samples)?;
    tx.execute(
        sql!(
            "UPDATE differences SET seen = seen + 1, last_at = $5, samples = $6 \
             WHERE module = $1 AND entered = $2 AND build = $3 AND class = $4"
        ),
        (key.0, key.1, key.2, class, at, samples.as_str()),
    )
    .await
    .map(drop)
}

async fn insert_class(
    tx: &mut Tx<'_>,
    key: (&str, i64, &str),
    class: &str,
    at: Timestamp,
    sample: &Value,
) -> Result<(), CallFailure> {
    let samples = encode(&[sample])?;
    tx.execute(
        sql!(
            "INSERT INTO differences (module, entered, build, class, seen, first_at, last_at, samples) \
             SELECT $1, $2, $3, $4, 1, $5, $5, $6 \
             WHERE (SELECT count(*) FROM differences WHERE module = $1 AND entered = $2 AND build = $3) < $7 \
             ON CONFLICT (module, entered, build, class) DO UPDATE \
             SET seen = differences.seen + 1, last_at = excluded.last_at"
        ),
        (key.0, key.1, key.2, class, at, samples.as_str(), CLASSES_PER_STAGE),
    )
    .await
    .map(drop)
}

/// The classes of a stage and a build, the most frequent first.
pub async fn difference_classes(
    read: &mut Queries,
    stage: StageOfBuild<'_>,
) -> Result<Vec<DifferenceClass>, CallFailure> {
    let rows: Vec<(String, i64, Timestamp, Timestamp, String)> = read
        .fetch_all(
            sql!(
                "SELECT class, seen, first_at, last_at, samples FROM differences \
                 WHERE module = $1 AND entered = $2 AND build = $3 ORDER BY seen DESC, class"
            ),
            (stage.module, number(stage.entered)?, stage.build),
        )
        .await?;
    rows.into_iter()
        .map(|(class, seen, first_at, last_at, samples)| {
            Ok(DifferenceClass {
                class,
                seen: u64::try_from(seen).unwrap_or_default(),
                first_at,
                last_at,
                samples: decode(&samples, "sample")?,
            })
        })
        .collect()
}
