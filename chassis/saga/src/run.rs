//! Carries a saga on: the steps of a stage, then one commit with what came of them, what comes next, and what the module
//! notes of its own. Only the holder of the lease writes.

use offshoot_contract::{CallContext, CallFailure, fault_point};

use crate::execution::{Execution, Halt};
use crate::log::{self, Head};
use crate::outcome::Outcome;
use crate::owner::{Entry, Owner};
use crate::perform;
use crate::sagas::Sagas;
use crate::state::State;

/// What a commit came to.
enum Advanced {
    Next,
    Over,
    /// Nothing was written: an operator wants it undone.
    UndoAsked,
}

impl<O: Owner> Sagas<O> {
    /// Carries the saga to its end. Done or undone: the work says which.
    ///
    /// A saga that ends well does so in the call's last transaction, with its answer; one that is undone in a part of it,
    /// since its caller is told an error.
    pub async fn run(&self, owner: &O, cx: &mut CallContext, run: &mut Execution<O>) -> Result<(), Halt> {
        while !run.undoing {
            if self.has_to_turn_back(run) {
                let untried: Vec<_> = run.open.iter().map(|_| Outcome::NotBegun).collect();
                self.turn_back(owner, cx, run, &O::interrupted(), &untried).await?;
                continue;
            }
            let outcomes = perform::stage(owner, cx, run).await;
            if let Some(reason) = outcomes.iter().find_map(Outcome::refusal) {
                self.refused(owner, cx, run, reason, &outcomes).await?;
                continue;
            }
            if let Some((place, failure)) = first_trouble(&outcomes) {
                let step = run.open.get(place).cloned();
                return Err(Halt::Trouble { step, failure });
            }
            match self.advance(owner, cx, run).await? {
                Advanced::Next => {}
                Advanced::Over => return Ok(()),
                Advanced::UndoAsked => self.turn_back(owner, cx, run, &O::interrupted(), &outcomes).await?,
            }
        }
        self.go_back(owner, cx, run).await
    }

    fn has_to_turn_back(&self, run: &Execution<O>) -> bool {
        let overdue = run.give_up_at.is_some_and(|at| at <= self.now());
        !run.is_pivoted() && (overdue || run.undo_asked)
    }

    async fn refused(
        &self,
        owner: &O,
        cx: &mut CallContext,
        run: &mut Execution<O>,
        reason: &O::Reason,
        outcomes: &[Outcome<O::Reason>],
    ) -> Result<(), Halt> {
        let or_undo = run.plan.stages.get(run.stage).is_some_and(|stage| stage.or_undo);
        if !run.is_pivoted() || or_undo {
            return self.turn_back(owner, cx, run, reason, outcomes).await;
        }
        let place = outcomes.iter().position(|outcome| outcome.refusal().is_some());
        Err(Halt::Trouble {
            step: place.and_then(|place| run.open.get(place).cloned()),
            failure: CallFailure::internal(format!("it was refused, and there is no way back: {reason:?}")),
        })
    }

    /// What came of a stage, and what comes next, in one commit.
    async fn advance(&self, owner: &O, cx: &mut CallContext, run: &mut Execution<O>) -> Result<Advanced, Halt> {
        let now = self.now();
        let last = run.is_last_stage();
        let next = run.stage + 1;
        let entry = Entry {
            at: now,
            open: run.plan.names(next),
        };
        let mut work = run.work.clone();
        let mut tx = self.db.begin(cx).await?;
        let head = Head {
            state: if last { State::Done } else { State::Running },
            stage: next,
            pivoted: next >= run.plan.pivot,
            due_at: (!last).then(|| now.plus(self.settings.lease)),
            data: log::json(&O::data(&work))?,
            ..Head::of(run, now)
        };
        if !log::write(&mut tx, &head, !run.is_pivoted()).await? {
            if log::is_only_asked_to_undo(&mut tx, run).await? {
                run.undo_asked = true;
                return Ok(Advanced::UndoAsked);
            }
            return Err(Halt::TakenOver);
        }
        log::all_done(&mut tx, &run.id, now).await?;
        log::intend(
            &mut tx,
            &run.id,
            run.written,
            entry.open.iter().map(|step| (step, None)),
            now,
        )
        .await?;
        let passed = run.plan.stages.get(run.stage).and_then(|stage| stage.passed);
        if let Some((_, note)) = passed {
            note(owner, &mut tx, &mut work, &entry).await?;
        }
        if last {
            if let Some(note) = run.plan.ended {
                note(owner, &mut tx, &mut work, &entry).await?;
            }
            tx.commit(O::answer(&work)).await?;
            run.work = work;
            fault_point("finished").await;
            return Ok(Advanced::Over);
        }
        tx.commit_part().await?;
        run.work = work;
        run.stage = next;
        run.now_open(entry.open);
        if let Some((moment, _)) = passed {
            fault_point(moment).await;
        }
        Ok(Advanced::Next)
    }
}

impl<O: Owner> Execution<O> {
    /// What this execution has just written down.
    pub(crate) fn now_open(&mut self, open: Vec<String>) {
        self.written += i64::try_from(open.len()).unwrap_or(i64::MAX);
        self.open = open;
        self.tries = 0;
        self.fresh = true;
    }
}

/// The first step that has to be tried again, and why.
pub(crate) fn first_trouble<R>(outcomes: &[Outcome<R>]) -> Option<(usize, CallFailure)> {
    let mut troubles = outcomes.iter().enumerate();
    troubles.find_map(|(place, outcome)| match outcome {
        Outcome::Trouble(failure) => Some((place, failure.clone())),
        _ => None,
    })
}
