//! Idempotency records: a call repeated under its key returns the recorded response and takes effect only once.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::begin::BeginReply;
use crate::queries::Queries;
use crate::sql;

/// Time for which a recorded response is kept. Callers repeat within seconds; a day covers a caller that was switched
/// off.
pub const RECORD_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Primary key of a recorded response: a hash over tenant, principal, module, major version, method and idempotency key,
/// so that no principal receives another principal's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope([u8; 32]);

impl Scope {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Identifies a call under its idempotency key. A method with several transactions stores the key with its own rows, so
/// that a repeated call finds the work of an interrupted execution.
#[derive(Debug)]
pub struct CallKey {
    pub(crate) scope: Scope,
    arguments: [u8; 32],
}

impl CallKey {
    /// Derives the key from the context; none for a call without an idempotency key.
    #[must_use]
    pub fn from_context(cx: &CallContext) -> Option<Self> {
        let own = cx.idempotency_key()?;
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
            // The length prefix keeps different lists of parts from hashing alike. A missing part differs from an empty
            // part.
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
            arguments: own.arguments_hash,
        })
    }

    /// 32 bytes: a hash over tenant, principal, module, major version, method and idempotency key.
    #[must_use]
    pub fn scope(&self) -> &[u8] {
        self.scope.bytes()
    }

    /// SHA-256 over the arguments.
    #[must_use]
    pub fn arguments(&self) -> &[u8] {
        &self.arguments
    }

    /// Fails with 422 `idempotency-key-reused` unless the earlier call under this key had the same arguments.
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

    /// Fails if the key has been used: with the recorded response, or with the refusal of other arguments.
    pub(crate) fn require_unused(&self, reply: &BeginReply) -> Result<(), CallFailure> {
        match (&reply.arguments, &reply.answer) {
            (Some(arguments), Some(response)) => Err(self.replay_or_refusal(arguments, response)),
            _ => Ok(()),
        }
    }

    fn replay_or_refusal(&self, arguments: &[u8], response: &str) -> CallFailure {
        match self.require_same(arguments) {
            Ok(()) => CallFailure::replayed(response.as_bytes().into()),
            Err(failure) => failure,
        }
    }

    /// Records the response in the transaction of the call. If another call has recorded a response under the same
    /// scope meanwhile, fails with that response.
    pub(crate) async fn record(
        &self,
        queries: &mut Queries,
        response: String,
        now: Timestamp,
    ) -> Result<(), CallFailure> {
        let scope = self.scope.bytes();
        let written = queries
            .execute(
                sql!(
                    "INSERT INTO offshoot_answers (scope, arguments, answer, expires_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (scope) DO UPDATE SET arguments = excluded.arguments, answer = excluded.answer, \
                     expires_at = excluded.expires_at WHERE offshoot_answers.expires_at <= $5"
                ),
                &(scope, &self.arguments[..], response, now.plus(RECORD_RETENTION), now),
            )
            .await?;
        if written > 0 {
            return Ok(());
        }
        let (arguments, response): (Vec<u8>, String) = queries
            .fetch_one(
                sql!("SELECT arguments, answer FROM offshoot_answers WHERE scope = $1"),
                (scope,),
            )
            .await?;
        Err(self.replay_or_refusal(&arguments, &response))
    }
}

/// Encodes a response as the JSON that is recorded.
pub(crate) fn encode(response: &impl Serialize) -> Result<String, CallFailure> {
    serde_json::to_string(response)
        .map_err(|error| CallFailure::internal("the response cannot be serialized").caused_by(error))
}
