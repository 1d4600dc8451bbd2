//! Recorded answers: a call repeated under its key gets the first answer, and nothing happens twice.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::opening::Opening;
use crate::{Tx, sql};

/// How long an answer is kept. A caller repeats within seconds; a day leaves time for one that was switched off.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Expired answers removed by one transaction, so that writers wait for milliseconds only.
pub(crate) const REMOVED_AT_ONCE: i64 = 1_000;

/// Under what a call's answer is recorded: a hash over tenant, principal, module, method and key, so that nobody is
/// given an answer that was meant for someone else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope([u8; 32]);

impl Scope {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Under what the current call's answer is recorded. A method of several transactions keeps it beside its own log, so
/// that a repeat finds what an interrupted execution has begun.
#[derive(Debug)]
pub struct CallKey {
    pub(crate) scope: Scope,
    arguments: [u8; 32],
}

impl CallKey {
    /// None for a call without a key.
    #[must_use]
    pub fn of(cx: &CallContext) -> Option<Self> {
        let own = cx.own_key()?;
        let mut hash = Sha256::new();
        let text = |part: Option<&Arc<str>>| part.map(|part| part.as_bytes().to_vec());
        let parts = [
            text(cx.tenant()),
            text(cx.principal()),
            Some(cx.module().into()),
            Some(cx.major().to_be_bytes().to_vec()),
            Some(cx.method().into()),
            text(Some(&own.key)),
        ];
        for part in parts {
            // With its length, so that no two lists of parts are hashed alike; nobody is not the empty name.
            match part {
                Some(part) => {
                    hash.update((part.len() as u64).to_be_bytes());
                    hash.update(part);
                }
                None => hash.update(u64::MAX.to_be_bytes()),
            }
        }
        Some(Self {
            scope: Scope(hash.finalize().into()),
            arguments: own.arguments,
        })
    }

    /// 32 bytes that stand for tenant, principal, module, method and key.
    #[must_use]
    pub fn scope(&self) -> &[u8] {
        self.scope.bytes()
    }

    /// SHA-256 over the arguments.
    #[must_use]
    pub fn arguments(&self) -> &[u8] {
        &self.arguments
    }

    /// Fails unless the call under this key before had the same arguments.
    pub fn require_same(&self, arguments: &[u8]) -> Result<(), CallFailure> {
        if arguments == self.arguments {
            return Ok(());
        }
        Err(CallFailure::refused(
            422,
            "idempotency-key-reused",
            "this idempotency key was used for a call with other arguments: use a new key for a new call",
        ))
    }

    /// The failure with which a call ends whose key has been used before.
    pub(crate) fn judge(&self, opening: &Opening) -> Result<(), CallFailure> {
        match (&opening.arguments, &opening.answer) {
            (Some(arguments), Some(answer)) => Err(self.used(arguments, answer)),
            _ => Ok(()),
        }
    }

    fn used(&self, arguments: &[u8], answer: &str) -> CallFailure {
        match self.require_same(arguments) {
            Ok(()) => CallFailure::replayed(answer.as_bytes().into()),
            Err(failure) => failure,
        }
    }

    /// Writes the answer into the transaction that made it. If another call has recorded one under the same scope
    /// meanwhile, fails with that one.
    pub(crate) async fn write(
        &self,
        tx: &mut Tx<'_>,
        answer: &impl Serialize,
        now: Timestamp,
    ) -> Result<(), CallFailure> {
        let json = serde_json::to_string(answer)
            .map_err(|error| CallFailure::internal("the answer does not serialize").caused_by(error))?;
        let scope = self.scope.bytes();
        let written = tx
            .execute(
                sql!(
                    "INSERT INTO offshoot_answers (scope, arguments, answer, expires_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (scope) DO UPDATE SET arguments = excluded.arguments, answer = excluded.answer, \
                     expires_at = excluded.expires_at WHERE offshoot_answers.expires_at <= $5"
                ),
                (scope, &self.arguments[..], json, now.plus(KEPT_FOR), now),
            )
            .await?;
        if written > 0 {
            return Ok(());
        }
        let (arguments, answer): (Vec<u8>, String) = tx
            .fetch_one(
                sql!("SELECT arguments, answer FROM offshoot_answers WHERE scope = $1"),
                (scope,),
            )
            .await?;
        Err(self.used(&arguments, &answer))
    }
}

/// Removes up to [`REMOVED_AT_ONCE`] answers that expired before `now`.
pub(crate) async fn remove_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, CallFailure> {
    tx.execute(
        sql!(
            "DELETE FROM offshoot_answers WHERE scope IN \
             (SELECT scope FROM offshoot_answers WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
        ),
        (now, REMOVED_AT_ONCE),
    )
    .await
}
