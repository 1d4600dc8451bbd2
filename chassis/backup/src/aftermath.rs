//! What restoring modules does to their logs, and to the cursors and sagas of those that were restored and of those that
//! were not.
//!
//! A restored module begins a new log where its backup ends: what others had read beyond is not what will be written now, and
//! they must not take the one for the other. Cursors that were restored with it from the same backup go over to the new log.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use offshoot_db::sql;
use serde::Serialize;
use sqlx::Error;
use uuid::Uuid;

use crate::link::Link;
use crate::{CursorPosition, LogPosition, ModuleBackup, OpenSaga, Positions};

/// Sagas that are named in a report.
const SAGAS_NAMED: usize = 1_000;

/// A publisher that is restored: its log in the backup, and the id that it goes on under.
#[derive(Debug, Clone)]
pub(crate) struct NewLog {
    pub(crate) module: String,
    pub(crate) before: LogPosition,
    pub(crate) id: Uuid,
}

/// What is written into a snapshot before it is used.
#[derive(Debug, Clone)]
pub(crate) struct Finishing {
    /// The module.
    pub(crate) module: String,
    /// For the name of what was there before.
    pub(crate) stamp: String,
    /// Of every module that is restored together with it, its own among them.
    pub(crate) logs: Vec<NewLog>,
    /// The highest token of the data that is replaced: a process that worked on that writes nothing into this.
    pub(crate) token: i64,
}

impl Finishing {
    /// Writes it, in the transaction that is open.
    pub(crate) async fn apply(&self, link: &mut Link) -> Result<(), Error> {
        if link.has_table("offshoot_replicas").await? {
            link.run(sql!("DELETE FROM offshoot_replicas"), ()).await?;
            let free = sql!("UPDATE offshoot_leases SET holder = NULL, token = token + $1 + 1");
            link.run(free, (self.token,)).await?;
        }
        if link.has_table("offshoot_log").await?
            && let Some(own) = self.logs.iter().find(|log| log.module == self.module)
        {
            link.run(sql!("UPDATE offshoot_log SET log_id = $1"), (own.id,)).await?;
            link.run(sql!("DELETE FROM offshoot_readers"), ()).await?;
        }
        if !link.has_table("offshoot_cursors").await? {
            return Ok(());
        }
        let fence = sql!("UPDATE offshoot_cursors SET token = token + $1 + 1");
        link.run(fence, (self.token,)).await?;
        for log in &self.logs {
            // Of what the publisher has lost nothing can be tried again: its positions will be given to other events.
            let forget = sql!(
                "DELETE FROM offshoot_parked WHERE position > $2 AND subscription IN \
                 (SELECT subscription FROM offshoot_cursors WHERE module = $1 AND log_id = $3)"
            );
            link.run(forget, (&*log.module, log.before.last, log.before.log_id))
                .await?;
            let rebind = sql!(
                "UPDATE offshoot_cursors SET log_id = $4, position = CASE WHEN position > $2 THEN $2 ELSE position END \
                 WHERE module = $1 AND log_id = $3"
            );
            let params = (&*log.module, log.before.last, log.before.log_id, log.id);
            link.run(rebind, params).await?;
        }
        Ok(())
    }
}

/// The highest token of leases and cursors, for [`Finishing`].
pub(crate) async fn highest_token(link: &mut Link) -> Result<i64, Error> {
    let mut highest = 0;
    if link.has_table("offshoot_leases").await? {
        let sql = sql!("SELECT COALESCE(max(token), 0) FROM offshoot_leases");
        highest = link.one::<(i64,)>(sql, ()).await?.0;
    }
    if link.has_table("offshoot_cursors").await? {
        let sql = sql!("SELECT COALESCE(max(token), 0) FROM offshoot_cursors");
        highest = highest.max(link.one::<(i64,)>(sql, ()).await?.0);
    }
    Ok(highest)
}

/// What becomes of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It goes on where it stands. What it had handled after the backup was restored away with it, and comes again.
    GoesOn,
    /// It was set back to the end of the restored log: it had handled events that the publisher's snapshot lacks.
    SetBack,
    /// It handles nothing until an operator decides.
    Holds,
    /// It would hold, and was decided for as `--resync` does.
    Resynced,
    /// The publisher's data cannot be seen from here.
    Unknown,
}

/// What becomes of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CursorFate {
    /// Whose subscription.
    pub subscriber: String,
    /// The subscription.
    pub subscription: String,
    /// Whose events.
    pub publisher: String,
    /// The lowest position of its partitions.
    pub position: i64,
    /// Where the publisher's log ends.
    pub last: Option<i64>,
    /// Positions that it had handled beyond that.
    pub beyond: i64,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether it keeps a copy, which is made anew.
    pub copies: bool,
    /// The command that decides.
    pub command: Option<String>,
}

/// A saga that whoever restored should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SagaSeen {
    /// The module that drives it.
    pub module: String,
    /// The saga.
    #[serde(flatten)]
    pub saga: OpenSaga,
}

/// What a restore means for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Aftermath {
    /// Every subscription to or of a restored module.
    pub cursors: Vec<CursorFate>,
    /// Sagas that were in flight when the backup was taken: they are carried on from where they were then.
    pub sagas_resumed: Vec<SagaSeen>,
    /// Sagas of other modules that changed after the backup was taken. What they did in a restored module may be gone; which
    /// of them did something there the tables do not say.
    pub sagas_elsewhere: Vec<SagaSeen>,
}

/// A module that is not restored, and can be seen.
pub(crate) struct Other {
    pub(crate) module: String,
    pub(crate) positions: Positions,
    pub(crate) sagas_since: Vec<OpenSaga>,
}

impl Aftermath {
    pub(crate) fn of(restored: &[&ModuleBackup], logs: &[NewLog], others: &[Other]) -> Self {
        let mut cursors = Vec::new();
        for backup in restored {
            for (publisher, group) in grouped(&backup.positions.cursors) {
                cursors.push(of_restored(&backup.module, publisher, &group, logs, others));
            }
        }
        for other in others {
            for (publisher, group) in grouped(&other.positions.cursors) {
                let log = logs.iter().find(|log| log.module == publisher);
                cursors.extend(log.map(|log| of_another(&other.module, &group, log)));
            }
        }
        let seen = |module: &str, sagas: &[OpenSaga]| {
            let named = sagas.iter().take(SAGAS_NAMED).map(|saga| SagaSeen {
                module: module.to_owned(),
                saga: saga.clone(),
            });
            named.collect::<Vec<_>>()
        };
        let resumed = restored
            .iter()
            .flat_map(|backup| seen(&backup.module, &backup.positions.sagas));
        let elsewhere = others.iter().flat_map(|other| seen(&other.module, &other.sagas_since));
        Self {
            cursors,
            sagas_resumed: resumed.collect(),
            sagas_elsewhere: elsewhere.collect(),
        }
    }
}

/// The partitions of each subscription, with whose events it handles.
fn grouped(cursors: &[CursorPosition]) -> Vec<(&str, Vec<&CursorPosition>)> {
    let mut groups: BTreeMap<(&str, &str), Vec<&CursorPosition>> = BTreeMap::new();
    for cursor in cursors {
        groups
            .entry((&cursor.subscription, &cursor.module))
            .or_default()
            .push(cursor);
    }
    groups
        .into_iter()
        .map(|((_, publisher), group)| (publisher, group))
        .collect()
}

/// A cursor that was restored.
fn of_restored(
    subscriber: &str,
    publisher: &str,
    group: &[&CursorPosition],
    logs: &[NewLog],
    others: &[Other],
) -> CursorFate {
    let together = logs.iter().find(|log| log.module == publisher).map(|log| &log.before);
    let live = others.iter().find(|other| other.module == publisher);
    let log = together.or_else(|| live?.positions.log.as_ref());
    let mut fate = blank(subscriber, publisher, group, log);
    let Some(log) = log else { return fate };
    let same = |cursor: &&&CursorPosition| cursor.log_id.is_none_or(|id| id == log.log_id);
    fate.fate = match (
        group.iter().all(|cursor| same(&cursor)),
        fate.beyond,
        together.is_some(),
    ) {
        (true, 0, _) => Fate::GoesOn,
        (true, _, true) => Fate::SetBack,
        _ => Fate::Holds,
    };
    if fate.fate == Fate::Holds {
        fate.command = Some(command(&fate.subscription, fate.copies, log.last));
    }
    fate
}

/// A cursor of a module that was not restored, into the log of one that was.
fn of_another(subscriber: &str, group: &[&CursorPosition], log: &NewLog) -> CursorFate {
    let mut fate = blank(subscriber, &log.module, group, Some(&log.before));
    fate.fate = Fate::GoesOn;
    if group.iter().any(|cursor| cursor.log_id.is_some()) {
        fate.fate = Fate::Holds;
        fate.command = Some(command(&fate.subscription, fate.copies, log.before.last));
    }
    fate
}

fn blank(subscriber: &str, publisher: &str, group: &[&CursorPosition], log: Option<&LogPosition>) -> CursorFate {
    let positions = || group.iter().map(|cursor| cursor.position);
    let last = log.map(|log| log.last);
    CursorFate {
        subscriber: subscriber.to_owned(),
        subscription: group
            .first()
            .map(|cursor| cursor.subscription.clone())
            .unwrap_or_default(),
        publisher: publisher.to_owned(),
        position: positions().min().unwrap_or(0),
        last,
        beyond: last.map_or(0, |last| positions().max().unwrap_or(0).saturating_sub(last).max(0)),
        fate: Fate::Unknown,
        copies: group.iter().any(|cursor| cursor.copies),
        command: None,
    }
}

fn command(subscription: &str, copies: bool, last: i64) -> String {
    if copies {
        format!("offshoot events rebuild {subscription}")
    } else {
        format!("offshoot events replay {subscription} --from {}", last + 1)
    }
}

/// Digits of a moment that fit behind the longest name: `261124224129`.
pub(crate) fn stamp(now: Timestamp) -> String {
    let digits = now.to_string();
    let digits = digits.chars().filter(char::is_ascii_digit);
    digits.skip(2).take(12).collect()
}
