//! Receives the body of a request or a response: bounded in size and memory.

use axum::body::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::budget::{BodyBudget, Share};
use crate::limits::UNCOUNTED_BODY_BYTES;

/// The reason why a body was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Larger than the limit; refused before reading if the length is announced.
    #[error("the body has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Compressed or otherwise encoded; only plain bodies are read.
    #[error("the body has a content encoding: send it without")]
    Encoded,
    /// The connection ended, or the encoding of the body is invalid.
    #[error("the body ended early")]
    Incomplete,
}

/// Receives a body of at most `limit` bytes. The caller sets a time limit.
///
/// Takes at most twice the memory of the bytes that have arrived: bytes are copied out of the connection's buffers, because
/// a body that arrives in small pieces would otherwise keep a whole buffer for each piece.
pub async fn receive_body<B>(headers: &HeaderMap, body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    receive(Share::of(None), headers, body, limit).await
}

/// Like [`receive_body`], but reads no further while the memory of the budget is taken by other bodies. The body gives its part
/// of the budget back as soon as it is complete: the caller limits the complete ones.
pub async fn receive_body_within<B>(
    budget: &BodyBudget,
    headers: &HeaderMap,
    body: B,
    limit: usize,
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    receive(Share::of(Some(budget)), headers, body, limit).await
}

async fn receive<B>(mut share: Share<'_>, headers: &HeaderMap, mut body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        return Err(BodyError::Encoded);
    }
    let announced = headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLarge { limit });
    }
    let mut received = Vec::with_capacity(announced.unwrap_or_default().min(UNCOUNTED_BODY_BYTES));
    loop {
        let Some(frame) = body.frame().await else {
            return Ok(received.into());
        };
        // Trailers are ignored.
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else {
            continue;
        };
        if data.len() > limit - received.len() {
            return Err(BodyError::TooLarge { limit });
        }
        let length = received.len() + data.len();
        if length > received.capacity() {
            let capacity = length.max(2 * received.capacity()).min(limit);
            share.grow_to(capacity).await;
            received.reserve_exact(capacity - received.len());
        }
        received.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use futures_util::{StreamExt as _, stream};

    use super::{BodyError, Bytes, CONTENT_LENGTH, HeaderMap, receive_body};

    const LIMIT: usize = 1_000;

    /// One byte that keeps a whole buffer alive, as a connection hands out such bytes.
    struct Buffer(Arc<AtomicUsize>);

    impl Buffer {
        fn new(alive: &Arc<AtomicUsize>) -> Self {
            alive.fetch_add(1, Ordering::Relaxed);
            Self(Arc::clone(alive))
        }
    }

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    impl Drop for Buffer {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_body_in_small_pieces_keeps_no_buffers() {
        let alive = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let pieces = {
            let (alive, most) = (Arc::clone(&alive), Arc::clone(&most));
            stream::iter(0..LIMIT).map(move |_| {
                let piece = Bytes::from_owner(Buffer::new(&alive));
                most.fetch_max(alive.load(Ordering::Relaxed), Ordering::Relaxed);
                Ok::<_, Infallible>(piece)
            })
        };
        let body = receive_body(&HeaderMap::new(), Body::from_stream(pieces), LIMIT).await;
        assert_eq!(body.map(|body| body.len()), Ok(LIMIT));
        assert!(most.load(Ordering::Relaxed) <= 2, "{most:?} buffers were alive at once");
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_announced_or_not() {
        let too_large = Err(BodyError::TooLarge { limit: LIMIT });
        let body = |length: usize| Body::from(vec![b'x'; length]);
        let mut announced = HeaderMap::new();
        announced.insert(CONTENT_LENGTH, (LIMIT + 1).into());
        assert_eq!(receive_body(&announced, Body::empty(), LIMIT).await, too_large);
        let none = HeaderMap::new();
        assert_eq!(receive_body(&none, body(LIMIT + 1), LIMIT).await, too_large);
        assert!(receive_body(&none, body(LIMIT), LIMIT).await.is_ok());
    }

    #[tokio::test]
    async fn an_encoded_body_is_refused() {
        for (encoding, expected) in [("identity", Ok(Bytes::new())), ("gzip", Err(BodyError::Encoded))] {
            let mut headers = HeaderMap::new();
            headers.insert("content-encoding", encoding.parse().expect("a valid value"));
            assert_eq!(receive_body(&headers, Body::empty(), LIMIT).await, expected);
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_incomplete() {
        let broken = stream::iter([Ok(Bytes::from("abc")), Err("connection reset")]);
        let received = receive_body(&HeaderMap::new(), Body::from_stream(broken), LIMIT).await;
        assert_eq!(received, Err(BodyError::Incomplete));
    }
}
