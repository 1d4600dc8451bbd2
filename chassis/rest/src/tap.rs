//! What an in-process caller sees of a call on the server's side.

use std::sync::{Arc, Mutex, PoisonError};

use offshoot_contract::{ArgsOf, Method};

/// What was seen of a call on the server's side.
pub(crate) struct Tap<M: Method>(Arc<Mutex<Option<Seen<M>>>>);
type Seen<M> = (ArgsOf<M>, Result<<M as Method>::Answer, <M as Method>::Error>);

impl<M: Method> Clone for Tap<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Method> Tap<M> {
    /// The decoded arguments, and the outcome before it is encoded.
    pub(crate) fn put(&self, args: ArgsOf<M>, outcome: Result<M::Answer, M::Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((args, outcome));
    }

    pub(crate) fn take(&self) -> Option<Seen<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<M: Method> Default for Tap<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
