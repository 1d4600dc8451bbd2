//! Findings of the doctor, derived from observations of the modules. Pure: no I/O, `now` is an argument.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use uuid::Uuid;

use super::observation::{Cursor, Observation, Saga};
use super::{Finding, note, problem};

/// Microseconds after which an unhandled event is a problem; events are usually handled within milliseconds.
const LATE: i64 = 60_000_000;
/// Microseconds without confirmation after which a projection is stale.
const STALE_PROJECTION: i64 = 5 * LATE;
/// Microseconds after which an open saga is reported; retries are at most minutes apart.
const LONG_SAGA: i64 = 15 * LATE;
/// Microseconds after the due time at which a saga is overdue; a due saga is usually resumed within seconds.
const OVERDUE: i64 = 2 * LATE;

/// Findings of one module on its own.
pub(super) fn judge_module(observation: &Observation, remembered: Option<Uuid>, now: Timestamp) -> Vec<Finding> {
    let module = observation.module.as_str();
    let mut found = Vec::new();
    if observation.role != "open" {
        let message = format!("takes no writes: this database's role is `{}`", observation.role);
        found.push(problem(module, message, None));
    }
    if let Some(known) = remembered.filter(|known| *known != observation.store_id) {
        let message = format!(
            "has data of store {}, but the data directory remembers store {known}: if the data was restored or \
             moved on purpose, remove {module}.store from the data directory",
            observation.store_id
        );
        found.push(problem(module, message, None));
    }
    let live = observation.live_replicas();
    for (instance, _, process) in &observation.after.replicas {
        if !live.contains(instance) {
            let message = format!("{process} stopped without deregistering");
            found.push(problem(module, message, None));
        }
    }
    let (before, after) = (&observation.before, &observation.after);
    if before.unnumbered > 0 && after.unnumbered > 0 && before.last == after.last {
        let message = format!(
            "{} events have no position: no process with this module is running",
            after.unnumbered
        );
        found.push(problem(module, message, Some("offshoot serve".to_owned())));
    }
    found.extend(judge_sagas(module, &observation.sagas, now));
    found
}

fn judge_sagas(module: &str, sagas: &[Saga], now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let stuck = sagas.iter().filter(|saga| saga.state == "stuck").count();
    if stuck > 0 {
        let command = format!("offshoot sagas list --module {module} --state stuck");
        let message =
            format!("{stuck} sagas are stuck: continue them with `offshoot sagas retry` or `offshoot sagas undo`");
        found.push(problem(module, message, Some(command)));
    }
    let overdue = |saga: &&Saga| saga.due_at.is_some_and(|due| age(due, now) > OVERDUE);
    let overdue = sagas.iter().filter(overdue).count();
    if overdue > 0 {
        let command = Some(format!("offshoot sagas list --module {module}"));
        let message = format!("{overdue} sagas are overdue and no process resumes them");
        found.push(problem(module, message, command));
    }
    let long = |saga: &&Saga| saga.state != "stuck" && age(saga.started_at, now) > LONG_SAGA;
    let long = sagas.iter().filter(long).count();
    if long > 0 {
        let command = Some(format!("offshoot sagas list --module {module}"));
        found.push(problem(
            module,
            format!("{long} sagas have been in flight for more than 15 minutes"),
            command,
        ));
    }
    if sagas.len() > stuck {
        let undoing = sagas.iter().filter(|saga| saga.state == "undoing").count();
        let message = format!(
            "{} sagas are in flight, {undoing} of them are being undone",
            sagas.len() - stuck
        );
        found.push(note(module, message));
    }
    found
}

/// Findings of one module's subscriptions, compared with the logs of the publishers.
pub(super) fn judge_subscriptions(observation: &Observation, all: &[Observation], now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_worked_on = !observation.live_replicas().is_empty();
    if !observation.cursors.is_empty() && !is_worked_on {
        found.push(note(&observation.module, "no process runs the module's subscriptions"));
    }
    let mut subscriptions: BTreeMap<&str, Vec<&Cursor>> = BTreeMap::new();
    for cursor in &observation.cursors {
        subscriptions.entry(&cursor.subscription).or_default().push(cursor);
    }
    for (name, cursors) in subscriptions {
        let publisher = cursors.first().map_or("", |cursor| &cursor.module);
        match all.iter().find(|other| other.module == publisher) {
            Some(other) => found.extend(compare_with_log(observation, name, &cursors, other, now)),
            None => {
                let message = format!("{name}: the log of {publisher} is not readable from here and was not compared");
                found.push(note(&observation.module, message));
            }
        }
        found.extend(judge_subscription(observation, name, &cursors, is_worked_on));
    }
    found
}

fn compare_with_log(
    observation: &Observation,
    name: &str,
    cursors: &[&Cursor],
    publisher: &Observation,
    now: Timestamp,
) -> Option<Finding> {
    let (module, other) = (observation.module.as_str(), &publisher.module);
    let log = publisher.log.as_ref()?;
    let is_projection = cursors.iter().any(|cursor| cursor.is_projection);
    let resolve = |from: i64| {
        Some(if is_projection {
            format!("offshoot events rebuild {name}")
        } else {
            format!("offshoot events replay {name} --from {from}")
        })
    };
    if cursors
        .iter()
        .any(|cursor| cursor.log_id.is_some_and(|id| id != log.log_id))
    {
        let message = format!("{name} is held: the log of {other} was replaced, as after a restored backup");
        return Some(problem(module, message, resolve(log.last + 1)));
    }
    let furthest = cursors.iter().map(|cursor| cursor.position).max().unwrap_or(0);
    if furthest > log.last {
        let message = format!(
            "{name} is at position {furthest}, but the log of {other} ends at {}",
            log.last
        );
        return Some(problem(module, message, resolve(log.last + 1)));
    }
    let since = |oldest: Option<Timestamp>| oldest.map_or("the beginning".to_owned(), |at| at.to_string());
    let is_late = |oldest: Option<Timestamp>, limit| oldest.is_none_or(|at| age(at, now) > limit);
    let status = || Some("offshoot events status".to_owned());
    // An idle partition is not behind, however long the log has become since.
    let lags = cursors
        .iter()
        .filter_map(|cursor| Some((cursor, observation.lag(cursor)?)));
    let behind: Vec<_> = lags.filter(|(_, lag)| !lag.is_none()).collect();
    let oldest = behind.iter().map(|(cursor, _)| cursor.current_at).min().flatten();
    if !behind.is_empty() && is_late(oldest, LATE) {
        let events: i64 = behind.iter().map(|(_, lag)| lag.events).sum();
        let at_least = if behind.iter().all(|(_, lag)| lag.is_exact) {
            ""
        } else {
            "at least "
        };
        let message = format!(
            "{name} has not handled {at_least}{events} events of {other}, and has been behind since {}",
            since(oldest)
        );
        return Some(problem(module, message, status()));
    }
    let oldest = cursors.iter().map(|cursor| cursor.current_at).min().flatten();
    if is_projection && is_late(oldest, STALE_PROJECTION) {
        let message = format!(
            "{name}: the projection of {other} has not been confirmed since {}",
            since(oldest)
        );
        return Some(problem(module, message, status()));
    }
    None
}

fn judge_subscription(observation: &Observation, name: &str, cursors: &[&Cursor], is_worked_on: bool) -> Vec<Finding> {
    let module = observation.module.as_str();
    let mut found = Vec::new();
    for cursor in cursors {
        if let Some(held) = &cursor.held {
            found.push(problem(
                module,
                format!("{name}/{} is held: {held}", cursor.partition),
                None,
            ));
        }
    }
    let dead: i64 = cursors.iter().map(|cursor| cursor.dead).sum();
    if dead > 0 {
        let message = format!("{name}: {dead} dead letters: resolve them with `offshoot events retry` or `skip`");
        found.push(problem(
            module,
            message,
            Some("offshoot events dead-letters".to_owned()),
        ));
    }
    let parked: i64 = cursors.iter().map(|cursor| cursor.parked).sum();
    if parked > dead {
        let message = format!(
            "{name}: {} events are parked: retrying, or waiting behind a retried event of their key",
            parked - dead
        );
        found.push(note(module, message));
    }
    let live = observation.live_replicas();
    let idle = |cursor: &&&Cursor| cursor.holder.is_none_or(|holder| !live.contains(&holder));
    let idle = cursors.iter().filter(idle).count();
    if is_worked_on && idle > 0 {
        let message = format!("{name}: no process works on {idle} of {} partitions", cursors.len());
        found.push(problem(module, message, Some("offshoot events status".to_owned())));
    }
    if cursors.iter().any(|cursor| cursor.rebuild) {
        found.push(note(module, format!("{name}: the projection is about to be rebuilt")));
    }
    found
}

fn age(at: Timestamp, now: Timestamp) -> i64 {
    now.as_micros().saturating_sub(at.as_micros())
}
