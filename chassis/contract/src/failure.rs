//! What can go wrong with a call other than the module's own answer, and whether the call may have executed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Anything that is not the module's own answer.
///
/// Boxed, so that a contract's `Result` stays small. Two failures are equal when a caller could not tell them apart:
/// the logged cause does not count.
#[derive(Debug, Clone)]
pub struct CallFailure(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: FailureKind,
    may_have_executed: bool,
    message: String,
    /// The module and method whose call failed, once the failure has reached that call's caller.
    callee: Option<(String, String)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    replay: Option<Replay>,
}

/// What a caller can tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// Nobody is there to answer: no connection, a lost transaction, a database that is away or locked.
    Unavailable,
    /// Turned away before any work was done. Ask again after this long.
    Overloaded {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The callee will not take this call as it is; asking again changes nothing.
    Refused {
        /// HTTP status, 4xx.
        status: u16,
        /// Stable code.
        code: String,
    },
    /// The deadline passed first.
    Timeout,
    /// The connection ended between sending and the whole answer.
    ConnectionLost,
    /// An answer that does not decode, or an endless one.
    BadAnswer,
    /// Another contract, version or store answers at that address.
    WrongContract,
    /// A call that the callee itself made did not succeed.
    Dependency {
        /// The module that was called by the callee.
        module: String,
        /// Its method.
        method: String,
    },
    /// An error with a code that this version of the contract does not know.
    Unrecognised {
        /// HTTP status.
        status: u16,
        /// The code as it came.
        code: String,
    },
    /// A defect or a broken part on the callee's side; the cause is in its log under the trace id.
    Internal,
}

/// A recorded answer that `begin` found under the call's idempotency key. Travels as a failure through module code,
/// and the edge turns it back into the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The answer as JSON.
    pub answer: Arc<[u8]>,
}

impl CallFailure {
    /// A failure that is known not to have executed anything.
    pub fn not_executed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::new(kind, false, message)
    }

    /// A failure after which nobody knows whether the call took effect.
    pub fn maybe_executed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::new(kind, true, message)
    }

    /// A failure of `kind`; `may_have_executed` must be false only where that is certain.
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

    /// A defect or broken part of the module itself. The edge decides from the count of effects whether it may have
    /// executed.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::not_executed(FailureKind::Internal, message)
    }

    /// The callee refuses the call with a 4xx `status` and a stable `code`.
    pub fn refused(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        let code = code.into();
        Self::not_executed(FailureKind::Refused { status, code }, message)
    }

    /// The recorded answer of an earlier execution under the same key.
    #[must_use]
    pub fn replayed(answer: Arc<[u8]>) -> Self {
        let mut failure = Self::internal("the recorded answer of an earlier call");
        failure.0.replay = Some(Replay { answer });
        failure
    }

    /// Keeps the cause for the log. It is never shown to a caller.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// Sets whether the call may have executed. For those who know: the edge, the transaction and the client.
    #[must_use]
    pub fn with_may_have_executed(mut self, may: bool) -> Self {
        self.0.may_have_executed = may;
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &FailureKind {
        &self.0.kind
    }

    /// False only where it is certain that the call had no effect.
    #[must_use]
    pub fn may_have_executed(&self) -> bool {
        self.0.may_have_executed
    }

    /// What a caller may be told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The module and method whose call failed; none for a failure that arose in the current module.
    #[must_use]
    pub fn callee(&self) -> Option<(&str, &str)> {
        self.0
            .callee
            .as_ref()
            .map(|(module, method)| (module.as_str(), method.as_str()))
    }

    /// The recorded answer, if this is one.
    #[must_use]
    pub fn replay(&self) -> Option<&Replay> {
        self.0.replay.as_ref()
    }

    /// Whether the same call might succeed a moment later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self.0.kind,
            FailureKind::Unavailable | FailureKind::Overloaded { .. } | FailureKind::ConnectionLost
        )
    }

    /// Marks the failure as that of a call to `module.method`, unless a deeper call is named already.
    pub(crate) fn at(mut self, module: &str, method: &str) -> Self {
        self.0
            .callee
            .get_or_insert_with(|| (module.to_owned(), method.to_owned()));
        self
    }

    /// The failure as the caller of the current module must see it.
    ///
    /// A callee's failure is the current module's `Dependency`, and what it says about its own execution says
    /// nothing about ours: `effects` (transactions committed and unsafe calls sent) does.
    pub(crate) fn leaving_module(mut self, effects: bool) -> Self {
        if let Some((module, method)) = self.0.callee.take() {
            let kind = FailureKind::Dependency {
                module: module.clone(),
                method: method.clone(),
            };
            let message = format!("{module}.{method} did not succeed: {}", self.message());
            return Self::new(kind, effects, message).caused_by(self);
        }
        self.0.may_have_executed |= effects;
        self
    }

    /// HTTP status and stable code of the failure's problem.
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

/// What is said of an error, and of what caused it, in one line for a log.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some say what caused them themselves.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
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
