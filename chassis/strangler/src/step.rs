//! The one function that changes a record.

use offshoot_contract::Timestamp;

use crate::change::{Change, Step};
use crate::forward::advance;
use crate::ignore::ignore;
use crate::migration::Migration;
use crate::operate::{back, end, pause, resume, set, start, waive};
use crate::refusal::Refusal;
use crate::request::{Request, RequestKind};
use crate::view::View;
use crate::window::judge;

/// Applies one request to the record. `view` is read in the transaction that writes the outcome, and the outcome is
/// written only over the generation of `migration`.
pub fn step(migration: &Migration, view: &View, request: &Request, now: Timestamp) -> Result<Step, Refusal> {
    require_generation(migration, request)?;
    let mut change = Change::new(migration, view, now);
    match &request.kind {
        RequestKind::Start(settings) => start(&mut change, settings)?,
        RequestKind::Advance { to, reason } => advance(&mut change, *to, reason.as_deref())?,
        RequestKind::Back { to, reason } => back(&mut change, *to, reason.as_deref())?,
        RequestKind::Pause { reason } => pause(&mut change, reason.as_deref())?,
        RequestKind::Resume { reason } => resume(&mut change, reason.as_deref())?,
        RequestKind::Set(settings) => set(&mut change, settings)?,
        RequestKind::Waive { gate, waiver } => waive(&mut change, gate, waiver)?,
        RequestKind::Ignore(rule) => ignore(&mut change, rule)?,
        RequestKind::Window(window) => judge(&mut change, window),
        RequestKind::End => end(&mut change)?,
    }
    Ok(change.finish(&request.operator))
}

/// Whoever changes a record must have seen it. Steps back and windows may not have: they only make calls safer.
fn require_generation(migration: &Migration, request: &Request) -> Result<(), Refusal> {
    let current = migration.generation;
    match (request.generation, &request.kind) {
        (Some(seen), _) if seen != current => Err(Refusal::Stale { seen, current }),
        (None, RequestKind::Back { .. } | RequestKind::Window(_)) | (Some(_), _) => Ok(()),
        (None, _) => Err(Refusal::NoGeneration),
    }
}
