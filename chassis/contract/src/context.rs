//! The context of a call: deadline, trace, caller, principal, tenant, idempotency key, retry budget and effect count.

// Contexts that share one execution.
mod fork;

use std::any::Any;
use std::borrow::Cow;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::method_spec::MethodSpec;
use crate::policy::Class;
use crate::retry_budget::RetryBudget;
use crate::trace::TraceContext;

pub use self::fork::ForkedContext;

use self::fork::Execution;

/// Default time limit of a request.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Longest accepted idempotency key, bytes. Two UUIDs and a name fit.
pub const MAX_KEY_LENGTH: usize = 128;

/// The context of a call. Passed as `&mut`: a transaction borrows the context, so no call can be made inside a
/// transaction.
///
/// One context belongs to one execution of one method. [`Invoke`](crate::Invoke) derives the callee's context from the
/// caller's context. Changes to the callee's context do not affect the caller's context.
#[derive(Debug)]
pub struct CallContext {
    deadline: Instant,
    trace: TraceContext,
    caller: Cow<'static, str>,
    origin: &'static str,
    spec: Option<&'static MethodSpec>,
    principal: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
    idempotency_key: Option<Arc<IdempotencyKey>>,
    next_key: Option<Arc<str>>,
    lease: Option<Arc<LeaseProof>>,
    retries_left: Arc<AtomicI32>,
    /// Whether the call is repeated for a comparison, and no user waits for the answer.
    mirrored: bool,
    /// Dropped when the last execution of the request in this process has ended.
    held: Option<Arc<dyn Any + Send + Sync>>,
    /// Budget of the switch that makes the current call.
    retry_budget: Option<Arc<RetryBudget>>,
    /// Allocated lazily: most safe calls never count anything.
    execution: OnceLock<Arc<Execution>>,
}

/// The idempotency key under which the current method is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key from the caller, at most [`MAX_KEY_LENGTH`] bytes.
    pub key: Arc<str>,
    /// SHA-256 of the call's arguments: a key must not be reused for different arguments.
    pub arguments_hash: [u8; 32],
}

/// Fencing token of a lease: proof that this process holds the lease. Every transaction of a context with a lease
/// checks that the lease is still held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseProof {
    /// Name of the leased work.
    pub name: Arc<str>,
    /// Rises with each acquisition of the lease, so that transactions of an earlier holder fail.
    pub token: i64,
}

impl CallContext {
    /// Retries of all calls of one request together, so that retries do not multiply from layer to layer.
    pub const RETRIES_PER_REQUEST: i32 = 3;

    /// The context of a request that enters the system at `origin` (`public`, `import`, a test).
    #[must_use]
    pub fn root(origin: &'static str) -> Self {
        Self {
            deadline: Instant::now() + DEFAULT_DEADLINE,
            trace: TraceContext::random(),
            caller: Cow::Borrowed(origin),
            origin,
            spec: None,
            principal: None,
            tenant: None,
            idempotency_key: None,
            next_key: None,
            lease: None,
            retries_left: Arc::new(AtomicI32::new(Self::RETRIES_PER_REQUEST)),
            mirrored: false,
            held: None,
            retry_budget: None,
            execution: OnceLock::new(),
        }
    }

    /// Sets the deadline of the whole request to `timeout` from now.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now() + timeout;
        self
    }

    /// Moves the deadline forward to `deadline`. A `deadline` later than the current deadline changes nothing.
    pub fn cap_deadline(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
    }

    /// Continues a trace from outside.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = trace;
        self
    }

    /// Sets the idempotency key of the next call made with this context.
    #[must_use]
    pub fn with_next_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.next_key = Some(key.into());
        self
    }

    /// Binds every transaction of this context to a lease. Calls made with this context are not bound, because the lease
    /// belongs to this module.
    #[must_use]
    pub fn with_lease(mut self, lease: Arc<LeaseProof>) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The lease to which transactions of this context are bound.
    #[must_use]
    pub fn lease(&self) -> Option<&Arc<LeaseProof>> {
        self.lease.as_ref()
    }

    /// Sets the principal: the user represented by the request.
    #[must_use]
    pub fn with_principal(mut self, principal: Option<Arc<str>>) -> Self {
        self.principal = principal;
        self
    }

    /// Keeps a value, such as the permit of an admitted request, until every execution of the request in this process has
    /// ended. A change outlives a client that disconnects, and so does the permit.
    #[must_use]
    pub fn holding(mut self, value: Arc<dyn Any + Send + Sync>) -> Self {
        self.held = Some(value);
        self
    }

    /// Sets the tenant of the request.
    #[must_use]
    pub fn with_tenant(mut self, tenant: Option<Arc<str>>) -> Self {
        self.tenant = tenant;
        self
    }

    /// A context for one nested call, under a key derived from this call's key and `step`. A retry of this call under
    /// the same key therefore retries the nested calls under the same keys. Without a key, equivalent to
    /// [`fork`](Self::fork). Effects are counted together with the effects of this context.
    ///
    /// A step makes one call: if this execution has used the name `step` before, the nested call is refused.
    #[must_use]
    pub fn child(&self, step: &str) -> ForkedContext<'_> {
        let mut child = self.fork();
        child.next_key = if self.execution().begin_step(step) {
            let derived = |own: &Arc<IdempotencyKey>| derive_key(&own.key, self.module(), self.method(), step);
            self.idempotency_key.as_ref().map(derived)
        } else {
            // An invalid key, because keys contain no spaces: the call is refused even if this context has no key.
            Some(format!("step {step} used twice").into())
        };
        child
    }

    /// A second context of the same execution, for parallel calls. Effects are counted together with the effects of
    /// this context.
    #[must_use]
    pub fn fork(&self) -> ForkedContext<'_> {
        let context = Self {
            caller: self.caller.clone(),
            principal: self.principal.clone(),
            tenant: self.tenant.clone(),
            idempotency_key: self.idempotency_key.clone(),
            next_key: None,
            lease: self.lease.clone(),
            retries_left: Arc::clone(&self.retries_left),
            held: self.held.clone(),
            retry_budget: None,
            execution: OnceLock::from(Arc::clone(self.execution())),
            ..*self
        };
        ForkedContext::new(self, context)
    }

    /// The deadline of the call.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time until the deadline; zero after the deadline.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The trace context of this call.
    #[must_use]
    pub fn trace(&self) -> &TraceContext {
        &self.trace
    }

    pub(crate) fn trace_mut(&mut self) -> &mut TraceContext {
        &mut self.trace
    }

    /// The module that made this call.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The module that executes this call.
    #[must_use]
    pub fn module(&self) -> &'static str {
        self.spec.map_or(self.origin, |spec| spec.module)
    }

    /// The method in execution; empty at the origin of a request.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.spec.map_or("", |spec| spec.name)
    }

    /// The major version of the contract in execution; 0 at the origin of a request.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.spec.map_or(0, |spec| spec.major)
    }

    /// The idempotency class of the method in execution; none at the origin of a request.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.spec.map(|spec| spec.class)
    }

    /// The user represented by the request.
    #[must_use]
    pub fn principal(&self) -> Option<&Arc<str>> {
        self.principal.as_ref()
    }

    /// The tenant of the request.
    #[must_use]
    pub fn tenant(&self) -> Option<&Arc<str>> {
        self.tenant.as_ref()
    }

    /// The key under which the current method is executed.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.as_deref()
    }

    /// Number of transactions committed and non-safe calls sent by the current execution. Effects are counted before
    /// they are sent: zero means certainly no effect, a higher number means possible effects.
    #[must_use]
    pub fn effects(&self) -> u32 {
        self.execution
            .get()
            .map_or(0, |execution| execution.effects.load(Ordering::Acquire))
    }

    /// Counts an effect. Must be called before the effect is sent.
    pub fn count_effect(&self) {
        self.execution().effects.fetch_add(1, Ordering::AcqRel);
    }

    /// Uncounts one effect that certainly did not happen.
    pub fn uncount_effect(&self) {
        self.execution().effects.fetch_sub(1, Ordering::AcqRel);
    }

    /// Marks the answer as committed: no further transaction may begin. False if a transaction has already committed
    /// the answer.
    #[must_use]
    pub fn mark_answered(&self) -> bool {
        !self.execution().answered.swap(true, Ordering::AcqRel)
    }

    /// Undoes [`mark_answered`](Self::mark_answered) after a commit that certainly failed.
    pub fn unmark_answered(&self) {
        self.execution().answered.store(false, Ordering::Release);
    }

    /// Whether a transaction of this execution has committed the answer.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.execution
            .get()
            .is_some_and(|execution| execution.answered.load(Ordering::Acquire))
    }

    fn execution(&self) -> &Arc<Execution> {
        self.execution.get_or_init(Arc::default)
    }

    /// Takes one retry from the budget of the request and from that of the switch that makes the call; false if one of
    /// them is exhausted. Whoever sends a call again that a callee has answered takes a retry.
    #[must_use]
    pub fn take_retry(&self) -> bool {
        let withdraw = |budget: &Arc<RetryBudget>| budget.try_withdraw();
        self.retries_left() > 0
            && self.retry_budget.as_ref().is_none_or(withdraw)
            && self.retries_left.fetch_sub(1, Ordering::AcqRel) > 0
    }

    /// Sets or removes the budget of the switch that makes the current call.
    pub(crate) fn set_retry_budget(&mut self, budget: Option<Arc<RetryBudget>>) {
        self.retry_budget = budget;
    }

    /// Retries left for the whole request; sent to the next process.
    #[must_use]
    pub fn retries_left(&self) -> i32 {
        self.retries_left.load(Ordering::Acquire).max(0)
    }

    /// Sets the retry budget, at most [`RETRIES_PER_REQUEST`](Self::RETRIES_PER_REQUEST), to the budget left in the
    /// calling process.
    #[must_use]
    pub fn with_retries_left(self, retries: i32) -> Self {
        self.retries_left
            .store(retries.clamp(0, Self::RETRIES_PER_REQUEST), Ordering::Release);
        self
    }

    /// Sets or removes the idempotency key of the next call made with this context.
    pub fn set_next_key(&mut self, key: Option<Arc<str>>) {
        self.next_key = key;
    }

    /// The idempotency key that [`take_next_key`](Self::take_next_key) would take.
    #[must_use]
    pub fn peek_next_key(&self, spec: &MethodSpec) -> Option<&str> {
        self.next_key.as_deref().filter(|_| spec.class.has_effect())
    }

    /// Takes the idempotency key set for the next call. A safe call leaves the key for the next call with an effect.
    #[must_use]
    pub fn take_next_key(&mut self, spec: &MethodSpec) -> Option<Arc<str>> {
        if spec.class.has_effect() {
            self.next_key.take()
        } else {
            None
        }
    }

    /// Derives the callee's context for a call made with this context.
    #[must_use]
    pub fn for_callee(&self, spec: &'static MethodSpec, key: Option<IdempotencyKey>, now: Instant) -> Self {
        Self {
            deadline: self.deadline.min(now + spec.timeout),
            trace: self.trace,
            caller: Cow::Borrowed(self.module()),
            origin: self.origin,
            spec: Some(spec),
            principal: self.principal.clone(),
            tenant: self.tenant.clone(),
            idempotency_key: key.map(Arc::new),
            next_key: None,
            lease: None,
            retries_left: Arc::clone(&self.retries_left),
            mirrored: self.mirrored,
            held: self.held.clone(),
            retry_budget: None,
            execution: OnceLock::new(),
        }
    }

    /// A context for a repetition of a call made with this context, for a comparison: the same caller, principal and tenant,
    /// without an idempotency key, retries and spans. Holds nothing of the request. `timeout`: from now.
    #[must_use]
    pub fn mirrored(&self, timeout: Duration) -> Self {
        Self {
            deadline: Instant::now() + timeout,
            trace: TraceContext {
                sampled: false,
                ..self.trace
            },
            caller: self.caller.clone(),
            origin: self.origin,
            spec: self.spec,
            principal: self.principal.clone(),
            tenant: self.tenant.clone(),
            idempotency_key: None,
            next_key: None,
            lease: None,
            retries_left: Arc::default(),
            mirrored: true,
            held: None,
            retry_budget: None,
            execution: OnceLock::new(),
        }
    }

    /// Marks a call that another process repeats for a comparison.
    #[must_use]
    pub fn as_mirrored(self) -> Self {
        Self { mirrored: true, ..self }
    }

    /// Whether this call, or the call that it belongs to, is repeated for a comparison. A server under load sheds such calls
    /// first, and they are not observed again.
    #[must_use]
    pub fn is_mirrored(&self) -> bool {
        self.mirrored
    }

    /// Derives the callee's context for a call received over the wire. `self` is the root context read from the request
    /// headers.
    #[must_use]
    pub fn for_remote_callee(self, caller: String, spec: &'static MethodSpec) -> Self {
        Self {
            caller: Cow::Owned(caller),
            ..self.for_callee(spec, None, Instant::now())
        }
    }

    /// Sets the idempotency key under which the current method is executed.
    #[must_use]
    pub fn with_idempotency_key(self, key: Option<IdempotencyKey>) -> Self {
        Self {
            idempotency_key: key.map(Arc::new),
            ..self
        }
    }
}

/// A hash, so that keys do not grow with the depth of the call tree.
fn derive_key(key: &str, module: &str, method: &str, step: &str) -> Arc<str> {
    let mut hash = Sha256::new();
    for part in [key, module, method, step] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}
