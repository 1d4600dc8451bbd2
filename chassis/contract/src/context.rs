//! What travels with a call: deadline, trace, who calls for whom, the idempotency key, the attempt budget, and the
//! count of effects.

use std::borrow::Cow;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::fork::Execution;
use crate::method::MethodSpec;
use crate::{Class, Fork, TraceContext};

/// How long a call may take where nobody says otherwise.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Longest accepted idempotency key, bytes. Long enough for two UUIDs and a name.
pub const MAX_KEY_LENGTH: usize = 128;

/// What travels with a call. Passed as `&mut`, so that a transaction, which borrows it, excludes calls.
///
/// One context belongs to one execution of one method. [`Invoke`](crate::Invoke) makes the callee's context from the
/// caller's; nothing that the callee does to its own reaches back.
#[derive(Debug)]
pub struct CallContext {
    deadline: Instant,
    trace: TraceContext,
    caller: Cow<'static, str>,
    origin: &'static str,
    spec: Option<&'static MethodSpec>,
    principal: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
    own_key: Option<Arc<OwnKey>>,
    next_key: Option<Arc<str>>,
    lease: Option<Arc<LeaseProof>>,
    repeats_left: Arc<AtomicI32>,
    /// Made when something is first counted in it: most safe calls never do.
    execution: OnceLock<Arc<Execution>>,
}

/// The idempotency key under which the current method is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    /// As the caller gave it, at most [`MAX_KEY_LENGTH`] bytes.
    pub key: Arc<str>,
    /// SHA-256 over the call's arguments: a key may not be used again for other arguments.
    pub arguments: [u8; 32],
}

/// Proves that work is done by the one process that has the lease for it. Every transaction under it looks whether that
/// still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseProof {
    /// What the lease is of.
    pub name: Arc<str>,
    /// Rises each time the lease is taken, so that an earlier holder is shut out.
    pub token: i64,
}

impl CallContext {
    /// Repeats that the whole request tree may spend, so that retries do not multiply from layer to layer.
    pub const REPEATS_PER_REQUEST: i32 = 3;

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
            own_key: None,
            next_key: None,
            lease: None,
            repeats_left: Arc::new(AtomicI32::new(Self::REPEATS_PER_REQUEST)),
            execution: OnceLock::new(),
        }
    }

    /// Sets how long from now the whole request may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now() + timeout;
        self
    }

    /// Brings the deadline forward to `deadline`; a later one changes nothing.
    pub fn end_by(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
    }

    /// Continues a trace that came from outside.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = trace;
        self
    }

    /// Sets the key of the next call made with this context.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.next_key = Some(key.into());
        self
    }

    /// Binds every transaction of this context to a lease. Calls made with it are not bound: the lease is this module's.
    #[must_use]
    pub fn under_lease(mut self, lease: Arc<LeaseProof>) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The lease that its transactions are bound to.
    #[must_use]
    pub fn lease(&self) -> Option<&Arc<LeaseProof>> {
        self.lease.as_ref()
    }

    /// Sets on whose behalf the request is made.
    #[must_use]
    pub fn with_principal(mut self, principal: Option<Arc<str>>) -> Self {
        self.principal = principal;
        self
    }

    /// Sets whose store the request is about.
    #[must_use]
    pub fn with_tenant(mut self, tenant: Option<Arc<str>>) -> Self {
        self.tenant = tenant;
        self
    }

    /// A context for one call inside this one, under a key derived from this call's key and `step`: repeated under
    /// the same key, this call repeats its inner calls under the same keys too. Without a key, the same as
    /// [`fork`](Self::fork). The effects of both are counted together.
    ///
    /// A step has one call: under a step's name used before, in this execution, the call made is refused.
    #[must_use]
    pub fn child(&self, step: &str) -> Fork<'_> {
        let mut child = self.fork();
        child.next_key = if self.execution().begin_step(step) {
            let derived = |own: &Arc<OwnKey>| derive_key(&own.key, self.module(), self.method(), step);
            self.own_key.as_ref().map(derived)
        } else {
            // No key looks like it, so the call is refused, whether or not we have a key ourselves.
            Some(format!("step {step} used twice").into())
        };
        child
    }

    /// A second context of the same call, for calls made in parallel. The effects of both are counted together.
    #[must_use]
    pub fn fork(&self) -> Fork<'_> {
        let context = Self {
            caller: self.caller.clone(),
            principal: self.principal.clone(),
            tenant: self.tenant.clone(),
            own_key: self.own_key.clone(),
            next_key: None,
            lease: self.lease.clone(),
            repeats_left: Arc::clone(&self.repeats_left),
            execution: OnceLock::from(Arc::clone(self.execution())),
            ..*self
        };
        Fork::new(self, context)
    }

    /// When the call must have ended.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time left, zero when the deadline has passed.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The trace that this call belongs to.
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

    /// The method being executed; empty at the origin of a request.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.spec.map_or("", |spec| spec.name)
    }

    /// The major version of the contract being executed; 0 at the origin of a request.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.spec.map_or(0, |spec| spec.major)
    }

    /// The idempotency class of the method being executed; none at the origin of a request.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        self.spec.map(|spec| spec.class)
    }

    /// On whose behalf the request is made.
    #[must_use]
    pub fn principal(&self) -> Option<&Arc<str>> {
        self.principal.as_ref()
    }

    /// Whose store the request is about.
    #[must_use]
    pub fn tenant(&self) -> Option<&Arc<str>> {
        self.tenant.as_ref()
    }

    /// The key under which the current method is executed.
    #[must_use]
    pub fn own_key(&self) -> Option<&OwnKey> {
        self.own_key.as_deref()
    }

    /// Transactions committed and unsafe calls sent by the current call. Counted before they are sent: zero is
    /// certain, more is not.
    #[must_use]
    pub fn effects(&self) -> u32 {
        self.execution
            .get()
            .map_or(0, |execution| execution.effects.load(Ordering::Acquire))
    }

    /// Counts an effect. Call it before the effect is sent.
    pub fn count_effect(&self) {
        self.execution().effects.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes back one counted effect that is now known not to have happened.
    pub fn uncount_effect(&self) {
        self.execution().effects.fetch_sub(1, Ordering::AcqRel);
    }

    /// Notes that a transaction commits the call's answer; false if one has before. No further one may begin then.
    #[must_use]
    pub fn note_answer(&self) -> bool {
        !self.execution().answered.swap(true, Ordering::AcqRel)
    }

    /// Takes it back: the answer is known not to have been committed.
    pub fn withdraw_answer(&self) {
        self.execution().answered.store(false, Ordering::Release);
    }

    /// Whether a transaction has committed the call's answer.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.execution
            .get()
            .is_some_and(|execution| execution.answered.load(Ordering::Acquire))
    }

    fn execution(&self) -> &Arc<Execution> {
        self.execution.get_or_init(Arc::default)
    }

    /// Takes one repeat from the request's budget; false when none is left.
    #[must_use]
    pub fn spend_repeat(&self) -> bool {
        self.repeats_left.fetch_sub(1, Ordering::AcqRel) > 0
    }

    /// Repeats left for the whole request, for the next process.
    #[must_use]
    pub fn repeats_left(&self) -> i32 {
        self.repeats_left.load(Ordering::Acquire).max(0)
    }

    /// Limits the repeats to what the calling process has left.
    #[must_use]
    pub fn with_repeats_left(self, repeats: i32) -> Self {
        self.repeats_left
            .store(repeats.clamp(0, Self::REPEATS_PER_REQUEST), Ordering::Release);
        self
    }

    /// Sets the key of the next call made with this context, or that it has none.
    pub fn set_next_key(&mut self, key: Option<Arc<str>>) {
        self.next_key = key;
    }

    /// Takes the key set for the next call that has an effect; a safe call leaves it for that one.
    #[must_use]
    pub fn take_key_for(&mut self, spec: &MethodSpec) -> Option<Arc<str>> {
        if spec.class.has_effect() {
            self.next_key.take()
        } else {
            None
        }
    }

    /// The callee's context for a call that this context's owner makes.
    #[must_use]
    pub fn enter(&self, spec: &'static MethodSpec, key: Option<OwnKey>, now: Instant) -> Self {
        Self {
            deadline: self.deadline.min(now + spec.timeout),
            trace: self.trace,
            caller: Cow::Borrowed(self.module()),
            origin: self.origin,
            spec: Some(spec),
            principal: self.principal.clone(),
            tenant: self.tenant.clone(),
            own_key: key.map(Arc::new),
            next_key: None,
            lease: None,
            repeats_left: Arc::clone(&self.repeats_left),
            execution: OnceLock::new(),
        }
    }

    /// The callee's context for a call that came over the wire. `self` is the root made from its headers.
    #[must_use]
    pub fn received(self, caller: String, spec: &'static MethodSpec) -> Self {
        Self {
            caller: Cow::Owned(caller),
            ..self.enter(spec, None, Instant::now())
        }
    }

    /// The same, under the key that came with it.
    #[must_use]
    pub fn under_key(self, key: Option<OwnKey>) -> Self {
        Self {
            own_key: key.map(Arc::new),
            ..self
        }
    }
}

/// Fixed length, so that keys do not grow with the depth of the call tree.
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
