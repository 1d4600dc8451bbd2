//! Recorder for one in-process call: carries the values seen on the server side back to the caller, for comparison.

use std::sync::{Arc, Mutex, PoisonError};

use offshoot_contract::{ArgsOf, Method};

/// Shared slot for the recorded values of one call. The client sends the recorder as a request extension.
pub(crate) struct CallRecorder<M: Method>(Arc<Mutex<Option<Recorded<M>>>>);
type Recorded<M> = (ArgsOf<M>, Result<<M as Method>::Answer, <M as Method>::Error>);

impl<M: Method> Clone for CallRecorder<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Method> CallRecorder<M> {
    /// Records the arguments after decoding and the outcome before encoding.
    pub(crate) fn record(&self, args: ArgsOf<M>, outcome: Result<M::Answer, M::Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((args, outcome));
    }

    /// The recorded values; none if the call never reached the module.
    pub(crate) fn take(&self) -> Option<Recorded<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<M: Method> Default for CallRecorder<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
