//! What becomes of an event that could not be handled: set aside, tried again with growing pauses, given up.

use offshoot_contract::{CallFailure, with_causes};
use tokio::time::Instant;

use super::{RETRY_EVERY, Standing, Worker, passes};
use crate::cursor::LogSeen;
use crate::parked::{self, Parked};
use crate::source::Announced;
use crate::subscription::Rejection;

/// Longest reason that is kept, bytes.
const REASON_MAX: usize = 2_000;

/// The longest pause between two attempts, in first pauses; those that are noted are at most half as long.
const LONGEST_PAUSE: u32 = 256;

impl Worker {
    /// The first attempt at an event was in vain.
    pub(super) async fn set_aside(
        &self,
        standing: &mut Standing,
        event: &Announced,
        rejection: &Rejection,
        log: LogSeen,
    ) -> Result<(), CallFailure> {
        let reason = reason(rejection);
        tracing::warn!(
            subscription = self.subscription.name,
            position = event.position,
            key = event.key,
            reason,
            "could not be handled; will be tried again, later events of its key wait"
        );
        let due_at = self.db.now().plus(self.subscription.settings.pause);
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        parked::park(&mut tx, &standing.cursor, event, Some((Some(due_at), &reason))).await?;
        standing.cursor.advance(&mut tx, log, event.position, None).await?;
        tx.commit_part().await?;
        standing.moved_to(log, event.position);
        standing.blocked.insert(event.key.clone());
        Ok(())
    }

    /// Tries what is parked and due, and what was behind it.
    pub(super) async fn retry(&self, standing: &mut Standing) -> Result<(), CallFailure> {
        while !standing.blocked.is_empty() {
            // An operator may have skipped some.
            standing.blocked = parked::keys(&mut *self.db.read(&mut self.context()).await?, &standing.cursor).await?;
            let due = {
                let mut cx = self.context();
                let mut read = self.db.read(&mut cx).await?;
                let (now, longest) = (
                    self.db.now(),
                    self.subscription.settings.pause.saturating_mul(LONGEST_PAUSE),
                );
                // Later than any pause: the clock was ahead when that was noted.
                parked::due(&mut read, &standing.cursor, now, now.plus(longest)).await?
            };
            if due.is_empty() {
                break;
            }
            for parked in due {
                self.try_again(standing, &parked).await?;
            }
        }
        standing.retry_at = Instant::now() + RETRY_EVERY;
        Ok(())
    }

    async fn try_again(&self, standing: &Standing, parked: &Parked) -> Result<(), CallFailure> {
        let (name, event) = (standing.cursor.subscription, &parked.event);
        let rejection = {
            let mut cx = self.context();
            let mut tx = self.db.begin(&mut cx).await?;
            if !parked::remove(&mut tx, name, event.position).await? {
                return Ok(());
            }
            match self.work(&mut tx, &[event]).await {
                // What only the commit finds wrong is the event's fault too.
                Ok(()) => match tx.commit_part().await {
                    Ok(()) => return Ok(()),
                    Err(failure) if passes(&failure) => return Err(failure),
                    Err(failure) => failure.into(),
                },
                Err(Rejection::Call(failure)) if passes(&failure) => return Err(failure),
                Err(rejection) => rejection,
            }
        };
        let (settings, reason) = (&self.subscription.settings, reason(&rejection));
        let doublings = u32::try_from(parked.attempts).unwrap_or(0).min(7);
        let is_dead = parked.attempts + 1 >= settings.attempts;
        let due_at = (!is_dead).then(|| self.db.now().plus(settings.pause.saturating_mul(1 << doublings)));
        if is_dead {
            tracing::error!(
                subscription = name,
                position = event.position,
                key = event.key,
                reason,
                "given up after {} attempts: mend the cause, then `offshoot events retry {name}`, or `offshoot events skip {name} {}`",
                parked.attempts + 1,
                event.position
            );
        }
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        parked::put_off(&mut tx, name, event.position, due_at, &reason).await?;
        tx.commit_part().await
    }
}

/// With its causes, as far as there is room.
fn reason(rejection: &Rejection) -> String {
    // Postgres keeps no NUL in a text.
    let mut text = with_causes(rejection).replace('\0', "");
    let end = (0..=REASON_MAX.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}
