//! Recorder for one in-process call: carries the values seen on the server side back to the caller, for comparison.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use offshoot_contract::{ArgsOf, OutcomeOf, WireMethod};

/// Shared slot for the recorded values of one call. The client sends the recorder as a request extension.
#[derive(Clone, Default)]
pub(crate) struct CallRecorder(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

/// The arguments after decoding, and the outcome before encoding.
type Recorded<M> = (ArgsOf<M>, OutcomeOf<M>);

impl CallRecorder {
    /// A recorder that gives a server without a module the outcome to encode.
    pub(crate) fn with_outcome<M: WireMethod>(outcome: OutcomeOf<M>) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(outcome)))))
    }

    /// The given outcome; none for another method.
    pub(crate) fn take_outcome<M: WireMethod>(&self) -> Option<OutcomeOf<M>> {
        let given = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        given.downcast().ok().map(|given| *given)
    }

    /// Records the arguments after decoding and the outcome before encoding.
    pub(crate) fn record<M: WireMethod>(&self, args: ArgsOf<M>, outcome: OutcomeOf<M>) {
        let recorded: Recorded<M> = (args, outcome);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(recorded));
    }

    /// The recorded values of a call of `M`; none if the call never reached the module.
    pub(crate) fn take<M: WireMethod>(&self) -> Option<Recorded<M>> {
        let recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        recorded.downcast().ok().map(|recorded| *recorded)
    }
}
