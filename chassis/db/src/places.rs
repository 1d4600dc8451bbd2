//! Places of a pool: handed out in the order of requests, and changed in number while some are taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A number of places that can change.
pub(crate) struct Places {
    /// Fair: tokio's semaphore serves waiters in the order of their requests.
    semaphore: Arc<Semaphore>,
    count: Mutex<Count>,
}

struct Count {
    /// Places that exist.
    places: u32,
    /// Taken places that cease to exist once their holders leave.
    surplus: u32,
}

/// A place that is taken. Drop gives the place back.
pub(crate) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Places>,
}

impl Places {
    pub(crate) fn new(places: u32) -> Arc<Self> {
        Arc::new(Self {
            semaphore: Arc::new(Semaphore::new(places as usize)),
            count: Mutex::new(Count { places, surplus: 0 }),
        })
    }

    /// Waits for a place. Fails once the places are closed.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Place, AcquireError> {
        let permit = Arc::clone(&self.semaphore).acquire_owned().await?;
        Ok(Place {
            permit: Some(permit),
            places: Arc::clone(self),
        })
    }

    /// Changes the number of places. Nobody loses a place: taken places beyond the number end with their holders.
    pub(crate) fn resize(&self, places: u32) {
        let mut count = self.count();
        if places >= count.places {
            let more = places - count.places;
            let kept = more.min(count.surplus);
            count.surplus -= kept;
            self.semaphore.add_permits((more - kept) as usize);
        } else {
            let fewer = count.places - places;
            let free = self.semaphore.forget_permits(fewer as usize);
            count.surplus += fewer - u32::try_from(free).unwrap_or(fewer);
        }
        count.places = places;
    }

    /// Waits until nobody has a place, for at most `patience`, and gives out no more.
    pub(crate) async fn close(&self, patience: Duration) {
        let places = self.count().places;
        let all = timeout(patience, self.semaphore.acquire_many(places)).await;
        self.semaphore.close();
        drop(all);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.semaphore.is_closed()
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        // The numbers are changed together without a panic in between.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.places.count();
        if let Some(permit) = self.permit.take()
            && count.surplus > 0
        {
            count.surplus -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{Place, Places};

    fn take(places: &std::sync::Arc<Places>) -> Option<Place> {
        places.take().now_or_never().and_then(Result::ok)
    }

    #[test]
    fn taken_places_beyond_the_number_end_with_their_holders() {
        let places = Places::new(3);
        let taken: Vec<_> = (0..3).map(|_| take(&places).expect("a free place")).collect();
        places.resize(1);
        let mut taken = taken.into_iter();
        drop(taken.next());
        assert!(take(&places).is_none(), "two of one place are taken");
        drop(taken.next());
        assert!(take(&places).is_none(), "the only place is taken");
        drop(taken.next());
        let last = take(&places).expect("the only place is free");
        assert!(take(&places).is_none());
        places.resize(2);
        assert!(take(&places).is_some(), "a second place exists again");
        drop(last);
    }

    #[test]
    fn a_number_that_returns_before_holders_leave_keeps_their_places() {
        let places = Places::new(2);
        let taken = [take(&places), take(&places)];
        places.resize(0);
        places.resize(2);
        drop(taken);
        let again = [take(&places), take(&places)];
        assert!(again.iter().all(Option::is_some));
        assert!(take(&places).is_none());
    }
}
