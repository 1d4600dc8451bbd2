//! Walks a module out of the store and back, one state after the other. Every wait ends, and names what it waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use offshoot_import::Progress as _;
use tokio::time::{Instant, sleep};

use super::acceptance::{Acceptance, AcceptedGate};
use super::admin::{Admin, Answer, Refusal, Status};
use super::display::Display;
use super::live::Live;
use super::pace::Tempo;
use super::record::Record;
use super::stage::{Stage, explain, rank, shown};

/// Pause between two looks at the status.
pub(super) const LOOK: Duration = Duration::from_millis(250);
/// Time limit of each wait. A state takes seconds; a busy machine may stall.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);
/// Rounds of all browsers in a state after which each of them has opened each page.
const ROUNDS: u64 = 9;
/// Reason in the history for each step back.
const REASON: &str = "a demonstration";

/// A module on the walk.
pub(super) struct Walk<'a> {
    pub(super) admin: &'a Admin,
    pub(super) live: &'a Live,
    pub(super) display: &'a mut Display,
    pub(super) tempo: Tempo,
    /// Whether a wrong answer of the candidate is expected.
    pub(super) expects_wrong_answers: bool,
    pub(super) stage: Stage,
    /// Whether the gates of the next step matter now.
    pub(super) shows_gates: bool,
    pub(super) record: Record,
}

impl<'a> Walk<'a> {
    /// Begins in the state in which the module is.
    pub(super) async fn begin(
        admin: &'a Admin,
        live: &'a Live,
        display: &'a mut Display,
        tempo: Tempo,
        expects_wrong_answers: bool,
    ) -> Result<Self> {
        let stage = Stage::new(admin.status().await?, live.progressed());
        let walk = Self {
            admin,
            live,
            display,
            tempo,
            expects_wrong_answers,
            stage,
            shows_gates: false,
            record: Record::default(),
        };
        introduce(walk.display, walk.stage.name());
        Ok(walk)
    }

    /// Stays in the state until its time is over, and a basket was bought.
    pub(super) async fn stay(&mut self, time: Duration) -> Result<()> {
        let begin = Instant::now();
        let baskets = self.live.progressed().baskets;
        self.wait_until("a basket that is bought", |walk, _| {
            begin.elapsed() >= time && walk.live.progressed().baskets > baskets
        })
        .await
    }

    /// Starts the migration, once the candidate is known to work on the store's data. Nothing moves yet.
    pub(super) async fn start(&mut self) -> Result<()> {
        let steps = self.tempo.steps;
        self.insist("start", async |admin, status| {
            admin.start(steps, status.generation).await
        })
        .await
    }

    /// Takes steps forward until `goal` is reached.
    pub(super) async fn advance_to(&mut self, goal: &str) -> Result<()> {
        self.shows_gates = true;
        while self.stage.name() != goal {
            let status = self.pass_gates().await?;
            match self.admin.advance(status.generation, false).await? {
                Answer::Accepted(_) => self.record.step_forward(&status),
                // The gates may have closed since the look.
                Answer::Refused(refusal) if refusal.is_transient() => {}
                Answer::Refused(refusal) => bail!("{}", refused("advance", &refusal)),
            }
            self.look().await?;
        }
        self.shows_gates = false;
        Ok(())
    }

    /// Stays until the candidate has executed calls of every browser, and the counts have arrived.
    pub(super) async fn stay_with_candidate(&mut self) -> Result<()> {
        self.wait_until("calls that the candidate executes", |walk, _| {
            let done = walk.stage.progressed(walk.live.progressed());
            done.rounds >= ROUNDS && walk.stage.sum(|method| method.candidate.calls) > 0
        })
        .await?;
        self.stay(self.tempo.stay).await
    }

    /// Takes steps back until the module is where it began.
    pub(super) async fn go_back(&mut self) -> Result<()> {
        let canary = self.tempo.steps.last().map(|share| format!("canary:{share}"));
        let states = ["shadow", "encoded", "local"].map(str::to_owned);
        for to in canary.into_iter().chain(states) {
            if rank(&self.look().await?.state) <= rank(&to) {
                continue;
            }
            self.insist("rollback", async |admin, status| {
                admin.rollback(&to, REASON, status.generation).await
            })
            .await?;
            self.wait_until("processes that run the plan of the step back", |_, status| {
                let mut members = status.members.iter();
                !status.members.is_empty() && members.all(|member| member.acknowledged == status.generation)
            })
            .await?;
            self.stay(self.tempo.stay_back).await?;
        }
        Ok(())
    }

    /// Ends the migration, and returns the record of all states.
    pub(super) async fn end(mut self) -> Result<Record> {
        self.insist("end", async |admin, status| admin.end(status.generation).await)
            .await?;
        self.close_stage();
        Ok(self.record)
    }

    /// Looks at the status. A new state begins a new stage.
    pub(super) async fn look(&mut self) -> Result<Status> {
        let status = self.admin.status().await?;
        if status.state == self.stage.name() {
            self.stage.update(status.clone());
        } else {
            self.close_stage();
            if let Some(halted) = &status.halted {
                self.display
                    .note(&format!("           the store stepped back by itself: {halted}"));
                self.record.halts.push(halted.clone());
            }
            self.stage = Stage::new(status.clone(), self.live.progressed());
            introduce(self.display, &status.state);
        }
        let mut figures = self.stage.figures(self.live.progressed());
        if self.shows_gates {
            figures = format!("{figures}   {}", self.stage.gates());
        }
        self.display.figures(&figures);
        Ok(status)
    }

    fn close_stage(&mut self) {
        let now = self.live.progressed();
        self.display.note(&self.stage.figures(now));
        self.record.ended(&self.stage, now);
    }

    /// Waits until the step forward is possible, and accepts by name what a demonstration cannot measure.
    async fn pass_gates(&mut self) -> Result<Status> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let status = self.look().await?;
            if let Some(halted) = &status.halted {
                bail!("the store stepped back to {} by itself: {halted}", status.state);
            }
            if status.can_go_forward && self.stage.begin.elapsed() >= self.tempo.stay {
                return Ok(status);
            }
            self.accept_gates(&status).await?;
            sleep(LOOK).await;
        }
        let closed = self.stage.status.gates.iter().filter(|gate| !gate.passes());
        let closed: Vec<_> = closed.map(shown).collect();
        bail!(
            "the step forward from {} was not possible within {PATIENCE:?}: it waited for {}",
            self.stage.name(),
            if closed.is_empty() {
                "no gate".to_owned()
            } else {
                closed.join(", ")
            }
        )
    }

    pub(super) async fn accept_gates(&mut self, status: &Status) -> Result<()> {
        let done = self.stage.progressed(self.live.progressed());
        let acceptance = Acceptance {
            limit: self.tempo.limit,
            is_late: self.stage.begin.elapsed() >= self.tempo.late_after && done.rounds >= ROUNDS && done.baskets > 0,
            wait_seconds: self.tempo.wait_seconds,
            expects_wrong_answers: self.expects_wrong_answers,
        };
        let mut generation = status.generation;
        let mut by_reason = BTreeMap::<String, Vec<String>>::new();
        for AcceptedGate { name, limit, reason } in acceptance.choose(status) {
            match self.admin.waive(&name, limit, &reason, generation).await? {
                Answer::Accepted(next) => generation = next,
                Answer::Refused(refusal) if refusal.is_transient() => break,
                Answer::Refused(refusal) => bail!("{}", refused(&format!("waive {name}"), &refusal)),
            }
            by_reason.entry(reason).or_default().push(name);
        }
        for (reason, names) in by_reason {
            self.display
                .note(&format!("           accepted by name ({reason}): {}", names.join(", ")));
        }
        Ok(())
    }

    /// Sends a verb until the store accepts it; only refusals that pass are repeated.
    async fn insist(&mut self, verb: &str, send: impl AsyncFn(&Admin, &Status) -> Result<Answer>) -> Result<()> {
        let begin = Instant::now();
        loop {
            let status = self.look().await?;
            match send(self.admin, &status).await? {
                Answer::Accepted(_) => break,
                Answer::Refused(refusal) if refusal.is_transient() && begin.elapsed() < PATIENCE => sleep(LOOK).await,
                Answer::Refused(refusal) => bail!("{}", refused(verb, &refusal)),
            }
        }
        self.look().await.map(drop)
    }

    pub(super) async fn wait_until(&mut self, event: &str, holds: impl Fn(&Self, &Status) -> bool) -> Result<()> {
        let begin = Instant::now();
        loop {
            let status = self.look().await?;
            if holds(self, &status) {
                return Ok(());
            }
            ensure!(
                begin.elapsed() < PATIENCE,
                "waited for {event} in {} for {PATIENCE:?}",
                self.stage.name()
            );
            sleep(LOOK).await;
        }
    }
}

/// Says what a new state means.
fn introduce(display: &mut Display, state: &str) {
    let (answers, meaning) = explain(state);
    display.note(&format!("{state:10} {meaning} (answers: {answers})"));
}

pub(super) fn refused(verb: &str, refusal: &Refusal) -> String {
    format!("the store refused `{verb}` ({}): {}", refusal.code, refusal.detail)
}
