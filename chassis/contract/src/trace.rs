//! W3C trace context: correlates the logs and spans of one request across processes.

/// W3C trace context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// Identifies the request; the same in every call made for the request.
    pub trace_id: u128,
    /// The span of the caller.
    pub span_id: u64,
    /// Whether the request is sampled for tracing.
    pub sampled: bool,
}

impl TraceContext {
    /// A new trace, not sampled.
    #[must_use]
    pub fn random() -> Self {
        // The standard forbids zero for both ids.
        Self {
            trace_id: rand::random::<u128>() | 1,
            span_id: rand::random::<u64>() | 1,
            sampled: false,
        }
    }

    /// Parses a `traceparent` header of version 00; none if malformed.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != "00" || parts.next().is_some() {
            return None;
        }
        let hex = |text: &str, length: usize| (text.len() == length).then(|| parse_hex(text)).flatten();
        let (high, low) = trace.split_at_checked(16)?;
        let context = Self {
            trace_id: u128::from(hex(high, 16)?) << 64 | u128::from(hex(low, 16)?),
            span_id: hex(span, 16)?,
            sampled: hex(flags, 2)? & 1 == 1,
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// Whether spans of this trace are recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// This trace, sampled with probability `ratio` (0 to 1), whatever the caller has decided.
    #[must_use]
    pub fn sampled_at(self, ratio: f64) -> Self {
        let sampled = rand::random::<f64>() < ratio;
        Self { sampled, ..self }
    }

    /// The `traceparent` header for a call in this context.
    #[must_use]
    pub fn traceparent(&self) -> [u8; 55] {
        let mut header = *b"00-TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT-SSSSSSSSSSSSSSSS-00";
        // Every remote call sends this header, so the digits are written without the formatting machinery.
        write_hex(self.trace_id, &mut header[3..35]);
        write_hex(self.span_id.into(), &mut header[36..52]);
        header[54] = if self.sampled { b'1' } else { b'0' };
        header
    }

    /// The trace id as shown in problems and logs: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

/// Fills `buffer` with the last hexadecimal digits of a number.
fn write_hex(mut number: u128, buffer: &mut [u8]) {
    for digit in buffer.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}

/// Parses at most 16 lower-case hexadecimal digits.
fn parse_hex(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_header_survives_a_round_trip() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let trace = TraceContext::parse(header).expect("the example of the standard is valid");
        assert_eq!(trace.traceparent(), header.as_bytes());
        let unsampled = TraceContext {
            sampled: false,
            ..trace
        };
        assert_eq!(
            TraceContext::parse(std::str::from_utf8(&unsampled.traceparent()).expect("ASCII")),
            Some(unsampled)
        );
    }

    #[test]
    fn a_malformed_header_is_rejected() {
        for header in [
            "",
            "00-0AF7651916CD43DD8448EB211C80319C-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "01-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-02",
        ] {
            assert_eq!(TraceContext::parse(header), None, "{header}");
        }
    }
}
