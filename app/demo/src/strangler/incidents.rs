//! Incidents of a walk: a candidate that dies, and one that gives wrong answers.

use std::time::Duration;

use anyhow::{Result, bail};
use offshoot_import::Progress as _;
use tokio::time::{Instant, sleep};

use super::admin::{Answer, Gate, Verdict};
use super::candidate::Candidate;
use super::report::Caught;
use super::walk::{LOOK, PATIENCE, Walk, refused};

/// Requests that are served while the candidate is dead.
const REQUESTS_WITHOUT_CANDIDATE: u64 = 30;
/// Time with a healthy candidate before the crash. The store steps back to Shadow at once if half of the calls at the
/// candidate fail.
const BEFORE_CRASH: Duration = Duration::from_secs(6);

impl Walk<'_> {
    /// Kills the candidate while users depend on the candidate, and starts the candidate again.
    pub(super) async fn crash(&mut self, candidate: &mut Candidate<'_>) -> Result<()> {
        self.stay(BEFORE_CRASH).await?;
        self.display
            .note("           kill -9 of the candidate: calls fall back to the store");
        candidate.kill().await?;
        let before = self.live.progressed().requests;
        self.wait_until("requests that are served without the candidate", |walk, _| {
            walk.live.progressed().requests >= before + REQUESTS_WITHOUT_CANDIDATE
        })
        .await?;
        candidate.start_again().await?;
        self.display.note("           the candidate was started again");
        self.wait_until(
            "a candidate that answers, and the count of calls that fell back",
            |walk, status| {
                let is_counted = walk.stage.sum(|method| method.fallbacks) > 0 && status.candidate.is_some();
                is_counted || status.halted.is_some()
            },
        )
        .await?;
        self.stay(self.tempo.stay).await
    }

    /// Waits until the comparison finds a wrong answer, and asks for the step forward. `None` if nothing was found.
    pub(super) async fn catch(&mut self) -> Result<Option<Caught>> {
        self.shows_gates = true;
        let caught = self.look_for_wrong_answer().await;
        self.shows_gates = false;
        caught
    }

    async fn look_for_wrong_answer(&mut self) -> Result<Option<Caught>> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let status = self.look().await?;
            if status.can_go_forward {
                return Ok(None);
            }
            let is_red = |gate: &Gate| gate.name == "differences" && gate.verdict == Verdict::Red;
            if status.gates.iter().any(is_red) {
                let classes = self.admin.differences().await?;
                match (classes.first(), self.admin.advance(status.generation, true).await?) {
                    (Some(class), Answer::Refused(refusal)) if refusal.is_by_gates() => {
                        self.record.step_forward(&status);
                        return Ok(Some(Caught::new(&status.state, class, &refusal)));
                    }
                    (_, Answer::Accepted(_)) => return Ok(None),
                    (_, Answer::Refused(refusal)) if refusal.is_transient() => {}
                    (_, Answer::Refused(refusal)) => bail!("{}", refused("advance", &refusal)),
                }
            }
            self.accept_gates(&status).await?;
            sleep(LOOK).await;
        }
        Ok(None)
    }
}
