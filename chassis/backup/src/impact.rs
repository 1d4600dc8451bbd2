//! Impact of a restore on logs, subscriptions and sagas, of restored modules and of the others.
//!
//! A restored module begins a new log, with a new id, at the end of its backup. Subscribers may have read beyond that
//! end, and later events reuse those positions: the new id keeps subscribers from taking the new events for the old
//! events. Cursors restored from the same backup are moved to the new log.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use offshoot_db::sql;
use serde::Serialize;
use sqlx::Error;
use uuid::Uuid;

use crate::connection::Connection;
use crate::limits::REPORTED_SAGAS_MAX;
use crate::manifest::ModuleBackup;
use crate::positions::{CursorPosition, LogPosition, OpenSaga, Positions};

/// A restored publisher: its log as backed up, and the id of the new log.
#[derive(Debug, Clone)]
pub(crate) struct RestoredLog {
    pub(crate) module: String,
    pub(crate) backed_up: LogPosition,
    pub(crate) new_id: Uuid,
}

/// Changes applied to a restored snapshot before processes may use it.
#[derive(Debug, Clone)]
pub(crate) struct Adjustments {
    /// Module of the snapshot.
    pub(crate) module: String,
    /// Suffix for the name of the replaced data.
    pub(crate) suffix: String,
    /// Logs of all modules restored together, including this module's own.
    pub(crate) logs: Vec<RestoredLog>,
    /// Highest fencing token of the replaced data. Restored tokens are raised above this token, so that lease holders of the
    /// replaced data cannot write to the restored data.
    pub(crate) token: i64,
}

impl Adjustments {
    /// Applies the changes in the open transaction of `connection`.
    pub(crate) async fn apply(&self, connection: &mut Connection) -> Result<(), Error> {
        if connection.has_table("offshoot_replicas").await? {
            connection.execute(sql!("DELETE FROM offshoot_replicas"), ()).await?;
            let free = sql!("UPDATE offshoot_leases SET holder = NULL, token = token + $1 + 1");
            connection.execute(free, (self.token,)).await?;
        }
        if connection.has_table("offshoot_log").await?
            && let Some(own) = self.logs.iter().find(|log| log.module == self.module)
        {
            connection
                .execute(sql!("UPDATE offshoot_log SET log_id = $1"), (own.new_id,))
                .await?;
            connection.execute(sql!("DELETE FROM offshoot_readers"), ()).await?;
        }
        if !connection.has_table("offshoot_cursors").await? {
            return Ok(());
        }
        let fence = sql!("UPDATE offshoot_cursors SET token = token + $1 + 1");
        connection.execute(fence, (self.token,)).await?;
        for log in &self.logs {
            // Parked events beyond the restored log cannot be retried: their positions will be assigned to other
            // events.
            let forget = sql!(
                "DELETE FROM offshoot_parked WHERE position > $2 AND subscription IN \
                 (SELECT subscription FROM offshoot_cursors WHERE module = $1 AND log_id = $3)"
            );
            connection
                .execute(forget, (&*log.module, log.backed_up.last, log.backed_up.log_id))
                .await?;
            let rebind = sql!(
                "UPDATE offshoot_cursors SET log_id = $4, position = CASE WHEN position > $2 THEN $2 ELSE position END \
                 WHERE module = $1 AND log_id = $3"
            );
            let params = (&*log.module, log.backed_up.last, log.backed_up.log_id, log.new_id);
            connection.execute(rebind, params).await?;
        }
        Ok(())
    }
}

/// Highest fencing token of leases and cursors, for [`Adjustments::token`].
pub(crate) async fn highest_token(connection: &mut Connection) -> Result<i64, Error> {
    let mut highest = 0;
    if connection.has_table("offshoot_leases").await? {
        let sql = sql!("SELECT COALESCE(max(token), 0) FROM offshoot_leases");
        highest = connection.fetch_one::<(i64,)>(sql, ()).await?.0;
    }
    if connection.has_table("offshoot_cursors").await? {
        let sql = sql!("SELECT COALESCE(max(token), 0) FROM offshoot_cursors");
        highest = highest.max(connection.fetch_one::<(i64,)>(sql, ()).await?.0);
    }
    Ok(highest)
}

/// Outcome of a restore for one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubscriptionOutcome {
    /// The subscription continues from its cursor. Effects after the backup were removed by the restore, and the events
    /// are delivered again.
    Continues,
    /// The cursor was moved back to the end of the restored log: the subscriber had handled events that the publisher's
    /// snapshot lacks.
    Rewound,
    /// The subscription handles no event until an operator resolves the case.
    Held,
    /// The subscription would have been held, and `--resync` resolved the case.
    Resynced,
    /// The publisher's data cannot be read from this configuration.
    Unknown,
}

/// Impact of a restore on one subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionImpact {
    /// Module that subscribes.
    pub subscriber: String,
    /// Subscription name.
    pub subscription: String,
    /// Module that publishes.
    pub publisher: String,
    /// Lowest position of the subscription's partitions.
    pub position: i64,
    /// End of the publisher's log; `None` if the log cannot be read.
    pub log_end: Option<i64>,
    /// Number of handled positions beyond the end of the log.
    pub ahead_by: i64,
    /// Outcome of the restore.
    pub outcome: SubscriptionOutcome,
    /// Whether the subscription maintains a projection, which can be rebuilt.
    pub is_projection: bool,
    /// Command that resolves a held subscription.
    pub command: Option<String>,
}

/// A saga to be inspected after a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AffectedSaga {
    /// Module that runs the saga.
    pub module: String,
    /// The saga.
    #[serde(flatten)]
    pub saga: OpenSaga,
}

/// Impact of a restore on subscriptions and sagas.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RestoreImpact {
    /// Every subscription of a restored module, and every subscription to a restored module.
    pub subscriptions: Vec<SubscriptionImpact>,
    /// Sagas of restored modules in flight at the time of the backup. They resume from their backed-up state.
    pub sagas_resumed: Vec<AffectedSaga>,
    /// Sagas of other modules that changed after the backup. Their effects in a restored module may be lost; the tables
    /// do not record which sagas had such effects.
    pub sagas_of_other_modules: Vec<AffectedSaga>,
}

/// Readable state of a module that is not restored.
pub(crate) struct UnrestoredModule {
    pub(crate) module: String,
    pub(crate) positions: Positions,
    pub(crate) sagas_changed_after: Vec<OpenSaga>,
}

impl RestoreImpact {
    pub(crate) fn assess(restored: &[&ModuleBackup], logs: &[RestoredLog], others: &[UnrestoredModule]) -> Self {
        let mut subscriptions = Vec::new();
        for backup in restored {
            for (publisher, group) in group_by_subscription(&backup.positions.cursors) {
                subscriptions.push(assess_restored_subscriber(
                    &backup.module,
                    publisher,
                    &group,
                    logs,
                    others,
                ));
            }
        }
        for other in others {
            for (publisher, group) in group_by_subscription(&other.positions.cursors) {
                let log = logs.iter().find(|log| log.module == publisher);
                subscriptions.extend(log.map(|log| assess_unrestored_subscriber(&other.module, &group, log)));
            }
        }
        let seen = |module: &str, sagas: &[OpenSaga]| {
            let named = sagas.iter().take(REPORTED_SAGAS_MAX).map(|saga| AffectedSaga {
                module: module.to_owned(),
                saga: saga.clone(),
            });
            named.collect::<Vec<_>>()
        };
        let resumed = restored
            .iter()
            .flat_map(|backup| seen(&backup.module, &backup.positions.sagas));
        let elsewhere = others
            .iter()
            .flat_map(|other| seen(&other.module, &other.sagas_changed_after));
        Self {
            subscriptions,
            sagas_resumed: resumed.collect(),
            sagas_of_other_modules: elsewhere.collect(),
        }
    }
}

/// Groups cursors by subscription, together with the publisher.
fn group_by_subscription(cursors: &[CursorPosition]) -> Vec<(&str, Vec<&CursorPosition>)> {
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

/// Impact on a subscription of a restored module.
fn assess_restored_subscriber(
    subscriber: &str,
    publisher: &str,
    group: &[&CursorPosition],
    logs: &[RestoredLog],
    others: &[UnrestoredModule],
) -> SubscriptionImpact {
    let together = logs
        .iter()
        .find(|log| log.module == publisher)
        .map(|log| &log.backed_up);
    let live = others.iter().find(|other| other.module == publisher);
    let log = together.or_else(|| live?.positions.log.as_ref());
    let mut impact = describe_subscription(subscriber, publisher, group, log);
    let Some(log) = log else { return impact };
    let same = |cursor: &&&CursorPosition| cursor.log_id.is_none_or(|id| id == log.log_id);
    impact.outcome = match (
        group.iter().all(|cursor| same(&cursor)),
        impact.ahead_by,
        together.is_some(),
    ) {
        (true, 0, _) => SubscriptionOutcome::Continues,
        (true, _, true) => SubscriptionOutcome::Rewound,
        _ => SubscriptionOutcome::Held,
    };
    if impact.outcome == SubscriptionOutcome::Held {
        impact.command = Some(resync_command(&impact.subscription, impact.is_projection, log.last));
    }
    impact
}

/// Impact on a subscription of a module that was not restored, to a restored publisher.
fn assess_unrestored_subscriber(subscriber: &str, group: &[&CursorPosition], log: &RestoredLog) -> SubscriptionImpact {
    let mut impact = describe_subscription(subscriber, &log.module, group, Some(&log.backed_up));
    impact.outcome = SubscriptionOutcome::Continues;
    if group.iter().any(|cursor| cursor.log_id.is_some()) {
        impact.outcome = SubscriptionOutcome::Held;
        impact.command = Some(resync_command(
            &impact.subscription,
            impact.is_projection,
            log.backed_up.last,
        ));
    }
    impact
}

fn describe_subscription(
    subscriber: &str,
    publisher: &str,
    group: &[&CursorPosition],
    log: Option<&LogPosition>,
) -> SubscriptionImpact {
    let positions = || group.iter().map(|cursor| cursor.position);
    let log_end = log.map(|log| log.last);
    SubscriptionImpact {
        subscriber: subscriber.to_owned(),
        subscription: group
            .first()
            .map(|cursor| cursor.subscription.clone())
            .unwrap_or_default(),
        publisher: publisher.to_owned(),
        position: positions().min().unwrap_or(0),
        log_end,
        ahead_by: log_end.map_or(0, |end| positions().max().unwrap_or(0).saturating_sub(end).max(0)),
        outcome: SubscriptionOutcome::Unknown,
        is_projection: group.iter().any(|cursor| cursor.is_projection),
        command: None,
    }
}

fn resync_command(subscription: &str, is_projection: bool, last: i64) -> String {
    if is_projection {
        format!("offshoot events rebuild {subscription}")
    } else {
        format!("offshoot events replay {subscription} --from {}", last + 1)
    }
}

/// Twelve digits of a timestamp, `261124224129`: short enough to append to the longest schema name.
pub(crate) fn timestamp_digits(now: Timestamp) -> String {
    let digits = now.to_string();
    let digits = digits.chars().filter(char::is_ascii_digit);
    digits.skip(2).take(12).collect()
}
