//! Parks failed events, retries them with backoff, and turns them into dead letters once the attempts are exhausted.

use std::time::Duration;

use offshoot_contract::text::to_storable;
use offshoot_contract::{Backoff, CallFailure, error_chain};
use tokio::time::Instant;

use super::{PartitionState, Worker, is_transient};
use crate::cursor::LogState;
use crate::delivery::Rejection;
use crate::limits::{PAUSE_FACTOR_MAX, RETRY_INTERVAL};
use crate::parked::{self, DueEvent};
use crate::source::PublishedEvent;

/// Pauses between attempts to handle a parked event.
fn backoff(first: Duration) -> Backoff {
    Backoff::new(first, first.saturating_mul(PAUSE_FACTOR_MAX))
}

impl Worker {
    /// Parks an event after its first failed attempt.
    pub(super) async fn park(
        &self,
        state: &mut PartitionState,
        event: &PublishedEvent,
        rejection: &Rejection,
        log: LogState,
    ) -> Result<(), CallFailure> {
        let reason = failure_reason(rejection);
        tracing::warn!(
            subscription = self.subscription.name,
            position = event.position,
            key = event.key,
            reason,
            "event failed and is parked; retrying with backoff, later events of the key wait"
        );
        let due_at = self.db.now().plus(self.subscription.settings.pause);
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        parked::park(&mut tx, &state.cursor, event, Some((Some(due_at), &reason))).await?;
        state.cursor.advance(&mut tx, log, event.position, None).await?;
        tx.commit_part().await?;
        state.advance_to(log, event.position);
        state.blocked_keys.insert(event.key.clone());
        Ok(())
    }

    /// Retries parked events that are due, then the events waiting behind them.
    pub(super) async fn retry_parked(&self, state: &mut PartitionState) -> Result<(), CallFailure> {
        while !state.blocked_keys.is_empty() {
            // Read anew, because an operator may have skipped events.
            state.blocked_keys =
                parked::blocked_keys(&mut *self.db.read(&mut self.context()).await?, &state.cursor).await?;
            let due = {
                let mut cx = self.context();
                let mut read = self.db.read(&mut cx).await?;
                let (now, longest) = (
                    self.db.now(),
                    self.subscription.settings.pause.saturating_mul(2 * PAUSE_FACTOR_MAX),
                );
                // A due time much later than the longest pause was recorded while the clock was ahead.
                parked::due_events(&mut read, &state.cursor, now, now.plus(longest)).await?
            };
            if due.is_empty() {
                break;
            }
            for parked in due {
                self.retry_event(state, &parked).await?;
            }
        }
        state.retry_at = Instant::now() + RETRY_INTERVAL;
        Ok(())
    }

    /// Retries one parked event: removes the event if the subscriber succeeds, and records the failed attempt otherwise.
    async fn retry_event(&self, state: &PartitionState, parked: &DueEvent) -> Result<(), CallFailure> {
        let (name, event) = (state.cursor.subscription, &parked.event);
        let rejection = {
            let mut cx = self.context();
            let mut tx = self.db.begin(&mut cx).await?;
            if !parked::remove(&mut tx, name, event.position).await? {
                return Ok(());
            }
            match self.call_subscriber(&mut tx, &[event]).await {
                // A violation that only the commit finds counts as a failure of the event too.
                Ok(()) => match tx.commit_part().await {
                    Ok(()) => return Ok(()),
                    Err(failure) if is_transient(&failure) => return Err(failure),
                    Err(failure) => failure.into(),
                },
                Err(Rejection::Call(failure)) if is_transient(&failure) => return Err(failure),
                Err(rejection) => rejection,
            }
        };
        let (settings, reason) = (&self.subscription.settings, failure_reason(&rejection));
        let failures = u32::try_from(parked.attempts + 1).unwrap_or(u32::MAX);
        let (attempts, position) = (parked.attempts + 1, event.position);
        let is_dead = attempts >= settings.attempts;
        let due_at = (!is_dead).then(|| self.db.now().plus(backoff(settings.pause).pause_after(failures)));
        if is_dead {
            tracing::error!(
                subscription = name,
                position,
                key = event.key,
                reason,
                "event is a dead letter after {attempts} attempts: fix the cause, then run \
                 `offshoot events retry {name} --position {position}`, or drop the event with `offshoot events skip {name} {position}`"
            );
        }
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        parked::record_failed_attempt(&mut tx, name, position, due_at, &reason).await?;
        tx.commit_part().await
    }
}

/// Failure of an event with its causes, as stored.
fn failure_reason(rejection: &Rejection) -> String {
    to_storable(&error_chain(rejection))
}
