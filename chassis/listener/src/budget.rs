//! Budget of memory for bodies that arrive at the same time. A body beyond the budget is not read until others have ended.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{BODIES_BEYOND_BUDGET, UNCOUNTED_BODY_BYTES};

/// Memory for bodies that are being received. Clones share the memory.
///
/// A body takes as the bytes arrive, at most twice their number: bytes that are announced and never sent take nothing. The
/// first few KiB of a body are free, so ordinary requests never wait. If all of the budget is taken, a few bodies at a time go
/// beyond: bodies that each have a part of the budget and wait for more would otherwise wait for each other.
#[derive(Debug, Clone)]
pub struct BodyBudget {
    bytes: Arc<Semaphore>,
    beyond: Arc<Semaphore>,
}

impl BodyBudget {
    /// A budget of this many bytes, at most 4 GiB.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(bytes as usize)),
            beyond: Arc::new(Semaphore::new(BODIES_BEYOND_BUDGET)),
        }
    }
}

/// The part of a budget that one body has taken. Dropping the value gives the part back.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: Option<&'a BodyBudget>,
    taken: Option<OwnedSemaphorePermit>,
    beyond: Option<OwnedSemaphorePermit>,
}

impl<'a> Share<'a> {
    /// `None`: without a budget.
    pub(crate) fn of(budget: Option<&'a BodyBudget>) -> Self {
        let (taken, beyond) = (None, None);
        Self { budget, taken, beyond }
    }

    /// Waits until the body may take `bytes` in all.
    pub(crate) async fn grow_to(&mut self, bytes: usize) {
        let Some(budget) = self.budget else { return };
        let taken = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.saturating_sub(UNCOUNTED_BODY_BYTES + taken);
        if more == 0 || self.beyond.is_some() {
            return;
        }
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        tokio::select! {
            biased;
            // Neither semaphore is ever closed.
            Ok(more) = Arc::clone(&budget.bytes).acquire_many_owned(more) => match &mut self.taken {
                Some(taken) => taken.merge(more),
                None => self.taken = Some(more),
            },
            Ok(beyond) = Arc::clone(&budget.beyond).acquire_owned() => self.beyond = Some(beyond),
            else => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;

    use axum::body::{Body, Bytes};
    use futures_util::future::join_all;
    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use http::HeaderMap;

    use super::*;
    use crate::body::receive_body_within;

    const LIMIT: usize = 64 << 10;
    /// Two bodies of the largest size, without their free bytes.
    const BUDGET: u32 = 2 * (60 << 10);

    /// A body of this many bytes in pieces of 1 KiB, which then ends or goes on waiting.
    fn body(bytes: usize, ends: bool) -> Body {
        let pieces = stream::iter(0..bytes >> 10).map(|_| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 1 << 10])));
        let rest = if ends {
            stream::empty().boxed()
        } else {
            stream::pending().boxed()
        };
        Body::from_stream(pieces.chain(rest))
    }

    async fn receive(budget: &BodyBudget, body: Body) -> usize {
        let received = receive_body_within(budget, &HeaderMap::new(), body, LIMIT).await;
        received.expect("the body is complete").len()
    }

    #[tokio::test]
    async fn bodies_beyond_the_budget_wait_and_small_ones_do_not() {
        let budget = BodyBudget::new(BUDGET);
        let unfinished = || Box::pin(receive(&budget, body(LIMIT, false)));
        // Two take the budget, and as many as may go beyond take the rest.
        let mut waiting: Vec<_> = (0..2 + BODIES_BEYOND_BUDGET).map(|_| unfinished()).collect();
        for body in &mut waiting {
            assert!(body.now_or_never().is_none());
        }
        assert_eq!(
            (budget.bytes.available_permits(), budget.beyond.available_permits()),
            (0, 0)
        );
        let mut large = pin!(receive(&budget, body(LIMIT, true)));
        assert!((&mut large).now_or_never().is_none());
        assert_eq!(
            receive(&budget, body(UNCOUNTED_BODY_BYTES, true)).await,
            UNCOUNTED_BODY_BYTES
        );
        // A client that gives up makes room.
        drop(waiting.swap_remove(0));
        assert_eq!(large.await, LIMIT);
        drop(waiting);
        assert_eq!(budget.bytes.available_permits(), BUDGET as usize);
    }

    #[tokio::test]
    async fn bytes_that_are_not_sent_take_nothing() {
        let budget = BodyBudget::new(BUDGET);
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_LENGTH, LIMIT.into());
        let sent = 2 * UNCOUNTED_BODY_BYTES;
        let mut slow = pin!(receive_body_within(&budget, &headers, body(sent, false), LIMIT));
        assert!((&mut slow).now_or_never().is_none());
        let taken = BUDGET as usize - budget.bytes.available_permits();
        assert!(taken <= 2 * sent, "{taken} bytes are taken for {sent}");
    }

    #[tokio::test]
    async fn bodies_that_take_the_budget_together_all_arrive() {
        let budget = BodyBudget::new(BUDGET);
        // Each gets a part of the budget before any is complete.
        let bodies = (0..50).map(|_| {
            let pieces = stream::iter(0..LIMIT >> 10).then(|_| async {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Bytes::from(vec![b'x'; 1 << 10]))
            });
            receive(&budget, Body::from_stream(pieces))
        });
        assert_eq!(join_all(bodies).await, [LIMIT; 50]);
        assert_eq!(budget.bytes.available_permits(), BUDGET as usize);
    }
}
