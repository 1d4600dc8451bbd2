//! `offshoot events`: logs of published events, and how far subscriptions have handled them. Works on the databases
//! that this configuration may open; running processes notice a change within a second.

mod arguments;
mod text;

use anyhow::{Result, bail};
use offshoot_contract::CallContext;
use offshoot_db::Db;
use offshoot_outbox::{
    Lag, OutboxStatus, ParkedEvent, SubscriptionError, SubscriptionStatus, count_lag, outbox_status, parked_events,
    rebuild, replay, retry, skip, status,
};
use serde::Serialize;

pub(super) use self::arguments::EventsCommand;
use super::databases::with;
use super::print;
use crate::config::Settings;

/// Chassis migration that creates the tables.
const TABLES: &str = "0006_subscriptions";

/// Progress of all subscriptions.
#[derive(Debug, Serialize)]
struct Overview {
    logs: Vec<OutboxStatus>,
    subscriptions: Vec<Reading>,
}

/// One partition with the state of its log.
#[derive(Debug, Serialize)]
struct Reading {
    #[serde(flatten)]
    partition: SubscriptionStatus,
    /// The partition's own events after the cursor; `None` if the log is not in this configuration.
    lag: Option<i64>,
    /// Whether `lag` is more than a lower bound; `None` if the log is not in this configuration.
    lag_is_exact: Option<bool>,
    /// Why the partition does not advance; `None` if nothing is wrong.
    because: Option<String>,
}

/// An operation with its result.
#[derive(Debug, Serialize)]
struct Done {
    subscription: String,
    done: String,
}

pub(super) async fn execute(what: &EventsCommand, settings: &Settings, json: bool) -> Result<()> {
    let databases = with(TABLES, settings, None).await?;
    let result = carry_out(what, &databases, json).await;
    for db in databases {
        db.close().await;
    }
    result
}

async fn carry_out(what: &EventsCommand, databases: &[Db], json: bool) -> Result<()> {
    match what {
        EventsCommand::Status => {
            let overview = overview(databases).await?;
            print(&overview, &text::overview(&overview), json)
        }
        EventsCommand::DeadLetters { subscription, limit } => {
            let mut letters: Vec<ParkedEvent> = Vec::new();
            for db in databases {
                letters.extend(parked_events(db, &mut cx(), subscription.as_deref(), *limit).await?);
            }
            print(&letters, &text::letters(&letters), json)
        }
        EventsCommand::Retry {
            subscription, position, ..
        } => {
            let db = reader(databases, subscription).await?;
            let count = retry(db, &mut cx(), subscription, *position).await?;
            done(subscription, &format!("{count} events are tried again now"), json)
        }
        EventsCommand::Skip { subscription, position } => {
            let db = reader(databases, subscription).await?;
            skip(db, &mut cx(), subscription, *position).await?;
            let done_ = format!("the event at {position} will never be handled; those behind it are now");
            done(subscription, &done_, json)
        }
        EventsCommand::Replay { subscription, from } => {
            let db = reader(databases, subscription).await?;
            replay(db, &mut cx(), subscription, *from).await?;
            done(subscription, &format!("events from {from} on are handled again"), json)
        }
        EventsCommand::Rebuild { subscription } => {
            let db = reader(databases, subscription).await?;
            rebuild(db, &mut cx(), subscription).await?;
            done(subscription, "the copy is emptied and filled anew", json)
        }
    }
}

fn cx() -> CallContext {
    CallContext::root("operator")
}

fn done(subscription: &str, what: &str, json: bool) -> Result<()> {
    let done = Done {
        subscription: subscription.to_owned(),
        done: what.to_owned(),
    };
    print(&done, &format!("{subscription}: {what}"), json)
}

/// The database of the subscriber.
async fn reader<'a>(databases: &'a [Db], subscription: &str) -> Result<&'a Db> {
    let mut known = Vec::new();
    for db in databases {
        for partition in status(db, &mut cx()).await? {
            if partition.subscription == subscription {
                return Ok(db);
            }
            known.push(partition.subscription);
        }
    }
    known.dedup();
    if known.is_empty() {
        bail!("no module whose data is here has a subscription yet: they appear with the first `offshoot serve`");
    }
    bail!(
        "there is no subscription `{subscription}` here, only {}",
        known.join(", ")
    );
}

async fn overview(databases: &[Db]) -> Result<Overview, SubscriptionError> {
    let mut logs = Vec::new();
    let mut subscriptions = Vec::new();
    for db in databases {
        logs.push(outbox_status(db, &mut cx()).await?);
        for partition in status(db, &mut cx()).await? {
            let publisher = databases.iter().find(|db| db.module() == partition.module);
            let lag = match publisher {
                Some(log) => {
                    let (position, partitions) = (partition.position, partition.partitions);
                    Some(count_lag(log, &mut cx(), position, partitions, partition.partition).await?)
                }
                None => None,
            };
            let because = because(&partition, lag);
            subscriptions.push(Reading {
                partition,
                lag: lag.map(|lag| lag.events),
                lag_is_exact: lag.map(|lag| lag.is_exact),
                because,
            });
        }
    }
    Ok(Overview { logs, subscriptions })
}

/// Why a partition does not advance, the most severe reason first.
fn because(partition: &SubscriptionStatus, lag: Option<Lag>) -> Option<String> {
    if let Some(held) = &partition.held {
        return Some(held.clone());
    }
    if partition.worker.is_none() && !lag.is_some_and(Lag::is_none) {
        return Some(format!(
            "no process works on it: start one with {}",
            partition.subscriber
        ));
    }
    if partition.dead_letters > 0 {
        let name = &partition.subscription;
        return Some(format!(
            "{} events were given up: `offshoot events dead-letters --subscription {name}` says why",
            partition.dead_letters
        ));
    }
    if partition.rebuild {
        return Some("the copy is about to be emptied".to_owned());
    }
    (partition.parked > 0).then(|| format!("{} events are tried again or wait behind one that is", partition.parked))
}
