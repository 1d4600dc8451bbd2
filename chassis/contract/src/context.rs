//! What travels with a call: deadline, trace, who calls for whom, the idempotency key, the attempt budget, and the
//! count of effects.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::method::MethodSpec;

/// How long a call may take where nobody says otherwise.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Repeats that the whole request tree may spend, so that retries do not multiply from layer to layer.
const REPEATS_PER_REQUEST: i32 = 3;
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
    module: &'static str,
    method: &'static str,
    principal: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
    own_key: Option<OwnKey>,
    next_key: Option<Arc<str>>,
    repeats_left: Arc<AtomicI32>,
    effects: Arc<AtomicU32>,
}

/// The idempotency key under which the current method is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    /// As the caller gave it, at most [`MAX_KEY_LENGTH`] bytes.
    pub key: Arc<str>,
    /// SHA-256 over the call's arguments: a key may not be used again for other arguments.
    pub arguments: [u8; 32],
}

/// W3C trace context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The same for everything that one request causes.
    pub trace_id: u128,
    /// The span of the caller.
    pub span_id: u64,
    /// Whether the request was chosen for tracing.
    pub sampled: bool,
}

impl TraceContext {
    /// A new trace, not sampled.
    #[must_use]
    pub fn random() -> Self {
        // Zero is invalid in both places.
        Self {
            trace_id: rand::random::<u128>() | 1,
            span_id: rand::random::<u64>() | 1,
            sampled: false,
        }
    }

    /// Reads a `traceparent` header of version 00; none if it is malformed.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != "00" || parts.next().is_some() {
            return None;
        }
        let hex = |text: &str, length: usize| {
            let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            (text.len() == length && text.bytes().all(lower))
                .then(|| u128::from_str_radix(text, 16).ok())
                .flatten()
        };
        let context = Self {
            trace_id: hex(trace, 32)?,
            span_id: u64::try_from(hex(span, 16)?).ok()?,
            sampled: hex(flags, 2)? & 1 == 1,
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// The `traceparent` header of a call made in this context, under a new span.
    #[must_use]
    pub fn outgoing_header(&self) -> String {
        let span = rand::random::<u64>() | 1;
        format!("00-{:032x}-{span:016x}-{:02x}", self.trace_id, u8::from(self.sampled))
    }

    /// The trace id as problems and logs show it: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl CallContext {
    /// The context of a request that enters the system at `origin` (`public`, `import`, a test).
    #[must_use]
    pub fn root(origin: &'static str) -> Self {
        Self {
            deadline: Instant::now() + DEFAULT_DEADLINE,
            trace: TraceContext::random(),
            caller: Cow::Borrowed(origin),
            module: origin,
            method: "",
            principal: None,
            tenant: None,
            own_key: None,
            next_key: None,
            repeats_left: Arc::new(AtomicI32::new(REPEATS_PER_REQUEST)),
            effects: Arc::default(),
        }
    }

    /// Sets how long from now the whole request may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now() + timeout;
        self
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
    #[must_use]
    pub fn child(&mut self, step: &str) -> Self {
        let mut child = self.fork();
        child.next_key = self
            .own_key
            .as_ref()
            .map(|own| derive_key(&own.key, self.module, self.method, step));
        child
    }

    /// A second context of the same call, for calls made in parallel. The effects of both are counted together.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self {
            caller: self.caller.clone(),
            principal: self.principal.clone(),
            tenant: self.tenant.clone(),
            own_key: self.own_key.clone(),
            next_key: None,
            repeats_left: Arc::clone(&self.repeats_left),
            effects: Arc::clone(&self.effects),
            ..*self
        }
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

    /// The module that made this call.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The module that executes this call.
    #[must_use]
    pub fn module(&self) -> &'static str {
        self.module
    }

    /// The method being executed; empty at the origin of a request.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
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
        self.own_key.as_ref()
    }

    /// Transactions committed and unsafe calls sent by the current call. Counted before they are sent: zero is
    /// certain, more is not.
    #[must_use]
    pub fn effects(&self) -> u32 {
        self.effects.load(Ordering::Acquire)
    }

    /// Counts an effect. Call it before the effect is sent.
    pub fn count_effect(&self) {
        self.effects.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes back one counted effect that is now known not to have happened.
    pub fn uncount_effect(&self) {
        self.effects.fetch_sub(1, Ordering::AcqRel);
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
            .store(repeats.clamp(0, REPEATS_PER_REQUEST), Ordering::Release);
        self
    }

    /// Sets the key of the next call made with this context, or that it has none.
    pub fn set_next_key(&mut self, key: Option<Arc<str>>) {
        self.next_key = key;
    }

    /// Takes the key set for the next call.
    #[must_use]
    pub fn take_next_key(&mut self) -> Option<Arc<str>> {
        self.next_key.take()
    }

    /// The callee's context for a call that this context's owner makes.
    #[must_use]
    pub fn enter(&self, spec: &'static MethodSpec, key: Option<OwnKey>, now: Instant) -> Self {
        Self {
            deadline: self.deadline.min(now + spec.timeout),
            trace: self.trace,
            caller: Cow::Borrowed(self.module),
            module: spec.module,
            method: spec.name,
            principal: self.principal.clone(),
            tenant: self.tenant.clone(),
            own_key: key,
            next_key: None,
            repeats_left: Arc::clone(&self.repeats_left),
            effects: Arc::default(),
        }
    }

    /// The callee's context for a call that came over the wire. `self` is the root made from its headers.
    #[must_use]
    pub fn received(self, caller: String, spec: &'static MethodSpec, key: Option<OwnKey>) -> Self {
        Self {
            caller: Cow::Owned(caller),
            ..self.enter(spec, key, Instant::now())
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
