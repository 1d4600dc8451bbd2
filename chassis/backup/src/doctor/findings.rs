//! Judges what was read. Pure: a look at each module, and what is now.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use uuid::Uuid;

use super::look::{Cursor, Look, Saga};
use super::{Finding, note, problem};

/// Events that wait longer are not about to be handled: usually it is milliseconds. Microseconds, as all of these.
const LATE: i64 = 60_000_000;
/// A copy that has not been confirmed for so long is no longer what readers take it for.
const OLD_COPY: i64 = 5 * LATE;
/// A saga is over within seconds, or waits between attempts, which are minutes apart at most.
const LONG_SAGA: i64 = 15 * LATE;
/// A saga that is due is taken up within seconds.
const OVERDUE: i64 = 2 * LATE;

/// Of one module by itself.
pub(super) fn of_one(look: &Look, remembered: Option<Uuid>, now: Timestamp) -> Vec<Finding> {
    let module = look.module.as_str();
    let mut found = Vec::new();
    if look.role != "open" {
        let what = format!("takes no writes: this database's role is `{}`", look.role);
        found.push(problem(module, what, None));
    }
    if let Some(known) = remembered.filter(|known| *known != look.store_id) {
        let what = format!(
            "its data is of store {} and the data directory remembers store {known}: if it was restored or moved on purpose, \
             remove {module}.store from the data directory",
            look.store_id
        );
        found.push(problem(module, what, None));
    }
    let living = look.living();
    for (instance, _, place) in &look.after.replicas {
        if !living.contains(instance) {
            let what = format!("the process at {place} has stopped without saying so");
            found.push(problem(module, what, None));
        }
    }
    let (before, after) = (&look.before, &look.after);
    if before.unnumbered > 0 && after.unnumbered > 0 && before.last == after.last {
        let what = format!(
            "{} events have no position: no process of it works on them",
            after.unnumbered
        );
        found.push(problem(module, what, Some("offshoot serve".to_owned())));
    }
    found.extend(of_sagas(module, &look.sagas, now));
    found
}

fn of_sagas(module: &str, sagas: &[Saga], now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let stuck = sagas.iter().filter(|saga| saga.state == "stuck").count();
    if stuck > 0 {
        let command = format!("offshoot sagas list --module {module} --state stuck");
        let what = format!("{stuck} sagas are stuck: `offshoot sagas retry` or `compensate` sets them going");
        found.push(problem(module, what, Some(command)));
    }
    let overdue = |saga: &&Saga| saga.due_at.is_some_and(|due| age(due, now) > OVERDUE);
    let overdue = sagas.iter().filter(overdue).count();
    if overdue > 0 {
        let command = Some(format!("offshoot sagas list --module {module}"));
        let what = format!("{overdue} sagas are due and nobody carries them on");
        found.push(problem(module, what, command));
    }
    let long = |saga: &&Saga| saga.state != "stuck" && age(saga.started_at, now) > LONG_SAGA;
    let long = sagas.iter().filter(long).count();
    if long > 0 {
        let command = Some(format!("offshoot sagas list --module {module}"));
        found.push(problem(
            module,
            format!("{long} sagas have been in flight for long"),
            command,
        ));
    }
    if sagas.len() > stuck {
        found.push(note(module, format!("{} sagas are in flight", sagas.len() - stuck)));
    }
    found
}

/// Of what one module handles of the others.
pub(super) fn of_cursors(look: &Look, all: &[Look], now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_worked_on = !look.living().is_empty();
    if !look.cursors.is_empty() && !is_worked_on {
        found.push(note(&look.module, "no process works on its subscriptions"));
    }
    let mut subscriptions: BTreeMap<&str, Vec<&Cursor>> = BTreeMap::new();
    for cursor in &look.cursors {
        subscriptions.entry(&cursor.subscription).or_default().push(cursor);
    }
    for (name, cursors) in subscriptions {
        let publisher = cursors.first().map_or("", |cursor| &cursor.module);
        match all.iter().find(|other| other.module == publisher) {
            Some(other) => found.extend(against_log(look, name, &cursors, other, now)),
            None => {
                let what = format!("{name}: the log of {publisher} is not seen from here, and not compared");
                found.push(note(&look.module, what));
            }
        }
        found.extend(by_itself(look, name, &cursors, is_worked_on));
    }
    found
}

fn against_log(look: &Look, name: &str, cursors: &[&Cursor], publisher: &Look, now: Timestamp) -> Option<Finding> {
    let (module, other) = (look.module.as_str(), &publisher.module);
    let log = publisher.log.as_ref()?;
    let copies = cursors.iter().any(|cursor| cursor.copies);
    let again = |from: i64| {
        Some(if copies {
            format!("offshoot events rebuild {name}")
        } else {
            format!("offshoot events replay {name} --from {from}")
        })
    };
    if cursors
        .iter()
        .any(|cursor| cursor.log_id.is_some_and(|id| id != log.log_id))
    {
        let what = format!("{name} has read another log than {other} has now, as after a restored backup, and holds");
        return Some(problem(module, what, again(log.last + 1)));
    }
    let furthest = cursors.iter().map(|cursor| cursor.position).max().unwrap_or(0);
    if furthest > log.last {
        let what = format!(
            "{name} stands at {furthest} and the log of {other} ends at {}",
            log.last
        );
        return Some(problem(module, what, again(log.last + 1)));
    }
    let behind = cursors
        .iter()
        .map(|cursor| log.last - cursor.position)
        .max()
        .unwrap_or(0);
    let oldest = cursors.iter().map(|cursor| cursor.current_at).min().flatten();
    let is_late = |limit| oldest.is_none_or(|at| age(at, now) > limit);
    let since = oldest.map_or("ever".to_owned(), |at| at.to_string());
    let status = || Some("offshoot events status".to_owned());
    if behind > 0 && is_late(LATE) {
        let what = format!("{name} is up to {behind} positions behind the log of {other}, since {since}");
        return Some(problem(module, what, status()));
    }
    if copies && is_late(OLD_COPY) {
        let what = format!("{name} keeps a copy of {other} that has not been confirmed since {since}");
        return Some(problem(module, what, status()));
    }
    None
}

fn by_itself(look: &Look, name: &str, cursors: &[&Cursor], is_worked_on: bool) -> Vec<Finding> {
    let module = look.module.as_str();
    let mut found = Vec::new();
    for cursor in cursors {
        if let Some(held) = &cursor.held {
            found.push(problem(
                module,
                format!("{name}/{} holds: {held}", cursor.partition),
                None,
            ));
        }
    }
    let dead: i64 = cursors.iter().map(|cursor| cursor.dead).sum();
    if dead > 0 {
        let what = format!("{name}: {dead} events were given up: `offshoot events retry` or `skip` decides");
        found.push(problem(module, what, Some("offshoot events dead-letters".to_owned())));
    }
    let parked: i64 = cursors.iter().map(|cursor| cursor.parked).sum();
    if parked > dead {
        let what = format!(
            "{name}: {} events are tried again, or wait behind one that is",
            parked - dead
        );
        found.push(note(module, what));
    }
    let living = look.living();
    let idle = |cursor: &&&Cursor| cursor.holder.is_none_or(|holder| !living.contains(&holder));
    let idle = cursors.iter().filter(idle).count();
    if is_worked_on && idle > 0 {
        let what = format!("{name}: nobody works on {idle} of {} partitions", cursors.len());
        found.push(problem(module, what, Some("offshoot events status".to_owned())));
    }
    if cursors.iter().any(|cursor| cursor.rebuild) {
        found.push(note(module, format!("{name}: its copy is about to be made anew")));
    }
    found
}

fn age(at: Timestamp, now: Timestamp) -> i64 {
    now.as_micros().saturating_sub(at.as_micros())
}
