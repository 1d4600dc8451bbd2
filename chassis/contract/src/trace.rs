//! W3C trace context: what finds a request again in the logs of every process.

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

    /// The same, sampled for certain or with this probability, 0 to 1.
    #[must_use]
    pub fn sampled_at(self, ratio: f64) -> Self {
        let sampled = self.sampled || rand::random::<f64>() < ratio;
        Self { sampled, ..self }
    }

    /// The `traceparent` header of a call made in this context.
    #[must_use]
    pub fn header(&self) -> String {
        let (trace, span, flags) = (self.trace_id, self.span_id, u8::from(self.sampled));
        format!("00-{trace:032x}-{span:016x}-{flags:02x}")
    }

    /// The trace id as problems and logs show it: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}
