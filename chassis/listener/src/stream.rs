//! A stream that fails when the client makes no progress.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::{Connection, Phase};
use crate::limits::ListenerLimits;

/// The stream of one connection.
pub(crate) struct TimedStream<S> {
    stream: S,
    connection: Arc<Connection>,
    limits: Arc<ListenerLimits>,
    reading: Timer,
    writing: Timer,
}

impl<S> TimedStream<S> {
    pub(crate) fn new(stream: S, connection: Arc<Connection>, limits: Arc<ListenerLimits>) -> Self {
        Self {
            stream,
            connection,
            limits,
            reading: Timer::default(),
            writing: Timer::default(),
        }
    }

    /// Fails a write that waits too long for the client; `result` is the write's own result.
    fn poll_write_deadline<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.writing.stop();
            return result;
        }
        let limit = self.limits.write;
        ready!(self.writing.poll_from(cx, || Instant::now() + limit));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(cx, buffer) {
            if buffer.filled().len() > before {
                this.connection.advance(Phase::Idle, Phase::Head);
            }
            return Poll::Ready(result);
        }
        loop {
            let now = Instant::now();
            // The phase may change without a read, so the timer never sleeps longer than an idle connection may.
            let mut look_at = now + this.limits.idle;
            if let Some(deadline) = this.connection.read_deadline(&this.limits) {
                if deadline <= now {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                look_at = look_at.min(deadline);
            }
            ready!(this.reading.poll_from(cx, || look_at));
            this.reading.stop();
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_write_deadline(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.poll_write_deadline(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.poll_write_deadline(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.poll_write_deadline(cx, shut)
    }
}

/// A timer, created at the first use.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_running: bool,
}

impl Timer {
    fn stop(&mut self) {
        self.is_running = false;
    }

    /// Ready at `deadline`.
    fn poll_at(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        self.is_running = true;
        sleep.as_mut().poll(cx)
    }

    /// Ready at the deadline of the first call since the last `stop`.
    fn poll_from(&mut self, cx: &mut Context<'_>, deadline: impl FnOnce() -> Instant) -> Poll<()> {
        let deadline = match &self.sleep {
            Some(sleep) if self.is_running => sleep.deadline(),
            _ => deadline(),
        };
        self.poll_at(cx, deadline)
    }
}
