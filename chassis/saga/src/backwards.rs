//! Undoes a saga: why it turns back and what that leaves to do is written down first, so that whoever takes it up later
//! goes the same way; then each step is taken back, the last first.

use offshoot_contract::{CallContext, CallFailure};

use crate::execution::{Execution, Halt};
use crate::log::{self, Head};
use crate::outcome::{Outcome, way_back};
use crate::owner::{Entry, Owner};
use crate::perform::{self, Job};
use crate::plan::Undo;
use crate::run::first_trouble;
use crate::sagas::Sagas;
use crate::state::State;

impl<O: Owner> Sagas<O> {
    /// Notes that the saga is undone, and what has to be done for it. If that is nothing, it is over.
    pub(crate) async fn turn_back(
        &self,
        owner: &O,
        cx: &mut CallContext,
        run: &mut Execution<O>,
        reason: &O::Reason,
        outcomes: &[Outcome<O::Reason>],
    ) -> Result<(), Halt> {
        let now = self.now();
        let back = way_back(&run.plan, run.stage, outcomes, run.fresh);
        let entry = Entry {
            at: now,
            open: back.iter().map(|back| back.undo.name.to_string()).collect(),
        };
        let over = back.is_empty();
        let mut work = run.work.clone();
        let mut tx = self.db.begin(cx).await?;
        let head = Head {
            state: if over { State::Undone } else { State::Running },
            undoing: true,
            due_at: (!over).then(|| now.plus(self.settings.lease)),
            data: log::json(&O::data(&work))?,
            ..Head::of(run, now)
        };
        if !log::write(&mut tx, &head, false).await? {
            return Err(Halt::TakenOver);
        }
        for (step, outcome) in run.open.iter().zip(outcomes) {
            log::end_step(&mut tx, &run.id, step, outcome, now).await?;
        }
        let steps = back.iter().map(|back| (&back.undo.name, Some(&back.of.name)));
        log::intend(&mut tx, &run.id, run.written, steps, now).await?;
        if let Some(note) = run.plan.undoing {
            note(owner, &mut tx, &mut work, reason, &entry).await?;
        }
        if let Some(note) = run.plan.ended.filter(|_| over) {
            note(owner, &mut tx, &mut work, &entry).await?;
        }
        tx.commit_part().await?;
        run.work = work;
        run.undoing = true;
        run.now_open(entry.open);
        Ok(())
    }

    /// Takes back what is open, and notes that it is over. Returns at once if nothing is.
    pub(crate) async fn go_back(&self, owner: &O, cx: &mut CallContext, run: &mut Execution<O>) -> Result<(), Halt> {
        if run.open.is_empty() {
            return Ok(());
        }
        let outcomes = perform::in_turn(owner, cx, run, &jobs(run)?).await;
        if let Some((place, failure)) = first_trouble(&outcomes) {
            let step = run.open.get(place).cloned();
            return Err(Halt::Trouble { step, failure });
        }
        if let Some(place) = outcomes.iter().position(|outcome| outcome.refusal().is_some()) {
            let why = format!("what undoes a step was refused: {:?}", outcomes[place].refusal());
            return Err(Halt::Trouble {
                step: run.open.get(place).cloned(),
                failure: CallFailure::internal(why),
            });
        }
        let now = self.now();
        let entry = Entry {
            at: now,
            open: Vec::new(),
        };
        let mut work = run.work.clone();
        let mut tx = self.db.begin(cx).await?;
        let head = Head {
            state: State::Undone,
            due_at: None,
            data: log::json(&O::data(&work))?,
            ..Head::of(run, now)
        };
        if !log::write(&mut tx, &head, false).await? {
            return Err(Halt::TakenOver);
        }
        log::all_done(&mut tx, &run.id, now).await?;
        if let Some(note) = run.plan.ended {
            note(owner, &mut tx, &mut work, &entry).await?;
        }
        tx.commit_part().await?;
        run.work = work;
        run.open.clear();
        Ok(())
    }
}

/// What undoes, by the names in the log.
fn jobs<O: Owner>(run: &Execution<O>) -> Result<Vec<Job<'_, O>>, CallFailure> {
    let all = run.plan.stages.iter().flat_map(|stage| &stage.steps);
    let undos: Vec<_> = all
        .filter_map(|step| step.undo.as_ref().map(|undo| (step.timeout, undo)))
        .collect();
    let find = |name: &String| {
        let found = undos.iter().find(|(_, undo): &&(_, &Undo<O>)| undo.name == *name);
        let (timeout, undo) = found.ok_or_else(|| crate::sagas::does_not_fit(&run.id, name))?;
        Ok(Job {
            name: &undo.name,
            act: undo.act,
            timeout: *timeout,
        })
    };
    run.open.iter().map(find).collect()
}
