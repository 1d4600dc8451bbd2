//! Idempotency classes, and the one table of behaviours that a class allows: retries, mirroring, cancellation.
//! Nothing else in the workspace decides these behaviours.

use crate::failure::CallFailure;

/// Idempotency class of a method: how often a call may take effect without harm. Defaults by HTTP verb; the method's
/// attribute can override the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Has no effect (GET).
    Safe,
    /// Two executions have the same effect as one (PUT, DELETE).
    Idempotent,
    /// Every execution has a further effect (POST).
    Unsafe,
}

impl Class {
    /// | class      | retry, or run elsewhere, if it may have executed | the same under a key | mirror | cancel with the caller |
    /// |------------|--------------------------------------------------|----------------------|--------|------------------------|
    /// | safe       | yes                                              | yes                  | yes    | yes                    |
    /// | idempotent | yes                                              | yes                  | no     | no                     |
    /// | unsafe     | no                                               | yes                  | no     | no                     |
    const fn row(self) -> Row {
        match self {
            Class::Safe => Row {
                repeatable: true,
                mirror: true,
                cancelled_with_caller: true,
            },
            Class::Idempotent => Row {
                repeatable: true,
                mirror: false,
                cancelled_with_caller: false,
            },
            Class::Unsafe => Row {
                repeatable: false,
                mirror: false,
                cancelled_with_caller: false,
            },
        }
    }

    /// Whether the call may be retried after `failure`. `keyed`: the callee records the response under an idempotency
    /// key, so that a second execution returns the recorded response.
    #[must_use]
    pub fn may_retry(self, failure: &CallFailure, keyed: bool) -> bool {
        failure.is_transient() && (!failure.may_have_executed() || self.may_repeat(keyed))
    }

    /// Whether another executor on the same data may execute the call after `failure` of the first: a failure of any kind,
    /// because the fault may be the first executor's own. `keyed` as for `may_retry`.
    #[must_use]
    pub fn may_run_elsewhere(self, failure: &CallFailure, keyed: bool) -> bool {
        !failure.may_have_executed() || self.may_repeat(keyed)
    }

    /// Whether the call may be sent again while an earlier attempt may have executed, or may still run. `keyed` as for
    /// `may_retry`.
    #[must_use]
    pub const fn may_repeat(self, keyed: bool) -> bool {
        self.row().repeatable || keyed
    }

    /// Whether the call may be mirrored to a second callee for comparison.
    #[must_use]
    pub const fn may_mirror(self) -> bool {
        self.row().mirror
    }

    /// Whether the call is cancelled when the caller goes away. Other calls run until completion or deadline.
    #[must_use]
    pub const fn is_cancelled_with_caller(self) -> bool {
        self.row().cancelled_with_caller
    }

    /// Whether a call counts as an effect of the caller.
    #[must_use]
    pub const fn has_effect(self) -> bool {
        !matches!(self, Class::Safe)
    }

    /// Name in descriptions and OpenAPI documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Safe => "safe",
            Class::Idempotent => "idempotent",
            Class::Unsafe => "unsafe",
        }
    }
}

struct Row {
    repeatable: bool,
    mirror: bool,
    cancelled_with_caller: bool,
}
