//! What a method's idempotency class allows, in one table. Nothing else in the workspace decides this.

use crate::CallFailure;

/// How often a call may take effect without harm. Comes from the verb, can be overridden in the attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Changes nothing (GET).
    Safe,
    /// Taking effect twice is the same as once (PUT, DELETE).
    Idempotent,
    /// Each execution takes effect (POST).
    Unsafe,
}

impl Class {
    /// | class      | repeat when it may have executed | repeat under a key | mirror | cancel with the caller |
    /// |------------|----------------------------------|--------------------|--------|------------------------|
    /// | safe       | yes                              | yes                | yes    | yes                    |
    /// | idempotent | yes                              | yes                | no     | no                     |
    /// | unsafe     | no                               | yes                | no     | no                     |
    const fn row(self) -> Row {
        match self {
            Class::Safe => Row {
                harmless_twice: true,
                mirror: true,
                cancelled_with_caller: true,
            },
            Class::Idempotent => Row {
                harmless_twice: true,
                mirror: false,
                cancelled_with_caller: false,
            },
            Class::Unsafe => Row {
                harmless_twice: false,
                mirror: false,
                cancelled_with_caller: false,
            },
        }
    }

    /// Whether this call may be sent once more after `failure`. `keyed`: the callee records the answer under an
    /// idempotency key, so that a second execution finds the first.
    #[must_use]
    pub fn may_repeat(self, failure: &CallFailure, keyed: bool) -> bool {
        failure.is_passing() && (!failure.may_have_executed() || self.row().harmless_twice || keyed)
    }

    /// Whether a copy of the call may be sent to a second executor for comparison.
    #[must_use]
    pub const fn may_mirror(self) -> bool {
        self.row().mirror
    }

    /// Whether the call ends when its caller goes away. The others run to their end or their deadline.
    #[must_use]
    pub const fn is_cancelled_with_caller(self) -> bool {
        self.row().cancelled_with_caller
    }

    /// Whether a call counts as an effect of its caller.
    #[must_use]
    pub const fn has_effect(self) -> bool {
        !matches!(self, Class::Safe)
    }

    /// The word used in descriptions and OpenAPI documents.
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
    harmless_twice: bool,
    mirror: bool,
    cancelled_with_caller: bool,
}
