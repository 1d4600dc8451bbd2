//! A change of a record on its way: the record before, the record after, and the entry that tells the difference.

use offshoot_contract::Timestamp;

use crate::gates::{observed, relevant};
use crate::migration::{Entry, Migration, Verb};
use crate::state::State;
use crate::view::View;

/// Outcome of an accepted request.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The record after the request.
    pub migration: Migration,
    /// The entry of the history. `None` for a window without consequence: the generation stays.
    pub entry: Option<Entry>,
}

/// A change of a record. Without a verb the generation stays, and no entry is written.
pub(crate) struct Change {
    /// The record as it will be.
    pub(crate) after: Migration,
    /// The view without evidence of another stage or build.
    pub(crate) view: View,
    pub(crate) now: Timestamp,
    pub(crate) reason: String,
    pub(crate) evidence: Vec<String>,
    verb: Option<Verb>,
    from: State,
}

impl Change {
    pub(crate) fn new(migration: &Migration, view: &View, now: Timestamp) -> Self {
        Self {
            after: observed(migration, view),
            view: relevant(migration, view),
            now,
            reason: String::new(),
            evidence: Vec::new(),
            verb: None,
            from: migration.state,
        }
    }

    /// Names the change, so that a new generation begins.
    pub(crate) fn record(&mut self, verb: Verb, reason: Option<&str>) {
        self.verb = Some(verb);
        self.reason = reason.unwrap_or_default().to_owned();
    }

    /// The state to go back to instead of `to`. While no live process runs the implementation, the candidate keeps calls and
    /// background work, because nobody else can take them.
    pub(crate) fn furthest_back(&self, to: State) -> State {
        let members = &self.view.members;
        let nobody_runs = !members.is_empty() && members.iter().all(|member| !member.runs);
        if nobody_runs { to.max(State::Remote) } else { to }
    }

    /// Enters a state. The evidence, the looks and the waivers of the stage before no longer count.
    pub(crate) fn enter(&mut self, state: State) {
        self.after.state = state;
        self.after.entered = self.after.generation + 1;
        self.after.entered_at = self.now;
        self.after.looks.clear();
        self.after.waivers.clear();
        self.after.bad_windows = 0;
    }

    pub(crate) fn finish(self, operator: &str) -> Step {
        let Change {
            mut after,
            now,
            reason,
            evidence,
            verb,
            from,
            ..
        } = self;
        let entry = verb.map(|verb| {
            after.generation += 1;
            Entry {
                generation: after.generation,
                at: now,
                operator: operator.to_owned(),
                verb,
                from,
                to: after.state,
                reason,
                evidence,
            }
        });
        Step {
            migration: after,
            entry,
        }
    }
}
