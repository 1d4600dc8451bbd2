//! Call failures: all errors of a call other than domain errors. States whether the call may have executed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The failure of a call, as opposed to a domain error of the called module.
///
/// Boxed, so that a contract's `Result` stays small. Two failures are equal if a caller cannot distinguish them: the
/// cause, which is only logged, is not compared.
#[derive(Debug, Clone)]
pub struct CallFailure(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: FailureKind,
    may_have_executed: bool,
    message: String,
    /// Module and method of the failed call. Set when the failure reaches the caller.
    callee: Option<(String, String)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    replay: Option<Replay>,
}

/// Kinds of call failures that a caller can distinguish.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The callee cannot be reached: no connection, a lost transaction, an unreachable or locked database.
    Unavailable,
    /// Rejected by a load limit before any work was done.
    Overloaded {
        /// Pause before the next attempt.
        retry_after: Duration,
    },
    /// The callee rejects this call; a retry would be rejected too.
    Refused {
        /// HTTP status, 4xx.
        status: u16,
        /// Stable code.
        code: String,
    },
    /// The deadline passed before the answer.
    Timeout,
    /// The connection broke after the request was sent and before the answer was complete.
    ConnectionLost,
    /// The answer does not decode, or is too large.
    BadAnswer,
    /// A different contract, version or store answers at the address.
    WrongContract,
    /// A nested call of the callee failed.
    Dependency {
        /// The module called by the callee.
        module: String,
        /// The called method.
        method: String,
        /// Code of the first failure in the chain of nested calls, such as `unavailable`. Empty if the callee did not send
        /// the code.
        cause: String,
    },
    /// An error code that this version of the contract does not know.
    Unrecognised {
        /// HTTP status.
        status: u16,
        /// The received code.
        code: String,
    },
    /// A defect in the callee, or a fault of the callee's infrastructure. The callee logs the cause under the trace id.
    Internal,
}

/// The recorded response of an earlier execution, found by `begin` under the call's idempotency key. Passes through
/// module code as a failure; the edge converts the failure back into the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The recorded answer as JSON.
    pub answer: Arc<[u8]>,
}

impl CallFailure {
    /// A failure of a call that certainly had no effect.
    pub fn not_executed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::new(kind, false, message)
    }

    /// A failure of a call that may have taken effect.
    pub fn maybe_executed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::new(kind, true, message)
    }

    /// A failure of `kind`. Pass `may_have_executed = false` only if the call certainly had no effect.
    pub fn new(kind: FailureKind, may_have_executed: bool, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            may_have_executed,
            message: message.into(),
            callee: None,
            cause: None,
            replay: None,
        }))
    }

    /// A defect of the module, or a fault of the module's infrastructure. The edge sets `may_have_executed` from the
    /// count of effects.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::not_executed(FailureKind::Internal, message)
    }

    /// Rejection of the call with a 4xx `status` and a stable `code`.
    pub fn refused(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        let code = code.into();
        Self::not_executed(FailureKind::Refused { status, code }, message)
    }

    /// Carries the recorded answer of an earlier execution under the same key.
    #[must_use]
    pub fn replayed(answer: Arc<[u8]>) -> Self {
        let mut failure = Self::internal("replay of the recorded answer of an earlier call");
        failure.0.replay = Some(Replay { answer });
        failure
    }

    /// Attaches the cause for the log. Callers never see the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// Sets whether the call may have executed. Reserved for the edge, the transaction and the client.
    #[must_use]
    pub fn with_may_have_executed(mut self, may: bool) -> Self {
        self.0.may_have_executed = may;
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> &FailureKind {
        &self.0.kind
    }

    /// False only if the call certainly had no effect.
    #[must_use]
    pub fn may_have_executed(&self) -> bool {
        self.0.may_have_executed
    }

    /// The message for callers; contains no internal details.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Module and method of the failed call; none for a failure that arose in the current module.
    #[must_use]
    pub fn callee(&self) -> Option<(&str, &str)> {
        self.0
            .callee
            .as_ref()
            .map(|(module, method)| (module.as_str(), method.as_str()))
    }

    /// The recorded response, if this failure carries one.
    #[must_use]
    pub fn replay(&self) -> Option<&Replay> {
        self.0.replay.as_ref()
    }

    /// Whether a retry of the same call may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            FailureKind::Unavailable | FailureKind::Overloaded { .. } | FailureKind::ConnectionLost
        )
    }

    /// Records `module.method` as the callee, unless the callee of a nested call is already recorded.
    pub(crate) fn with_callee(mut self, module: &str, method: &str) -> Self {
        self.0
            .callee
            .get_or_insert_with(|| (module.to_owned(), method.to_owned()));
        self
    }

    /// Translates a failure at the edge of the current module for the module's caller.
    ///
    /// The failure of a nested call becomes `Dependency`. The nested call's `may_have_executed` says nothing about the
    /// current call: `effects` (whether the current call committed a transaction or sent a non-safe call) decides.
    pub(crate) fn translate_for_caller(mut self, effects: bool) -> Self {
        if let Some((module, method)) = self.0.callee.take() {
            let kind = FailureKind::Dependency {
                module: module.clone(),
                method: method.clone(),
                cause: self.root_code().to_owned(),
            };
            let message = format!("{module}.{method} failed: {}", self.message());
            return Self::new(kind, effects, message).caused_by(self);
        }
        self.0.may_have_executed |= effects;
        self
    }

    /// Code of the first failure in the chain of nested calls.
    fn root_code(&self) -> &str {
        match &self.0.kind {
            FailureKind::Dependency { cause, .. } => cause,
            _ => self.status_and_code().1,
        }
    }

    /// HTTP status and stable code of the problem document.
    #[must_use]
    pub fn status_and_code(&self) -> (u16, &str) {
        match &self.0.kind {
            FailureKind::Unavailable => (503, "unavailable"),
            FailureKind::Overloaded { .. } => (503, "overloaded"),
            FailureKind::Timeout => (504, "timeout"),
            FailureKind::ConnectionLost => (502, "connection-lost"),
            FailureKind::BadAnswer => (502, "bad-answer"),
            FailureKind::WrongContract => (502, "wrong-contract"),
            FailureKind::Dependency { .. } => (502, "dependency"),
            FailureKind::Internal => (500, "internal"),
            FailureKind::Refused { status, code } | FailureKind::Unrecognised { status, code } => (*status, code),
        }
    }
}

impl PartialEq for CallFailure {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        a.kind == b.kind && a.may_have_executed == b.may_have_executed && a.message == b.message
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Formats an error and the chain of causes as one line for a log.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Some errors repeat the message of the cause in their own message.
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

impl Error for CallFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}
