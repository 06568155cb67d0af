//! What bounds a connection whatever is asked over it: a bounded number of them, a deadline for the first bytes, one for
//! a client that takes no bytes, and one for each piece of an answer.
//!
//! The first deadline is needed because the server first reads up to 24 bytes to tell HTTP/1 from HTTP/2 and has no timer
//! of its own while it does: whoever opened a connection and said nothing would keep it for ever. The others are needed
//! because the server has no timer while it writes: whoever asked for much and took nothing would keep what was asked for
//! in memory for ever, and over HTTP/2 without the socket showing it ([`super::outgoing`]).

use super::outgoing::{Outgoing, Owing};
use axum_server::accept::Accept;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// The length of the HTTP/2 preface (RFC 9113 §3.4): after as many bytes the protocol is known, and its own timers run.
const PREFACE: usize = 24;

/// Longer than anybody waits, and not so long that it could not be added to a time.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Accepts a bounded number of connections and gives each a deadline for its first bytes.
#[derive(Clone)]
pub(super) struct Guard<A> {
    inner: A,
    places: Arc<Semaphore>,
    /// Whether the last connection was turned away: a crowd is worth one line, not one a client.
    full: Arc<AtomicBool>,
    patience: Duration,
}

impl<A> Guard<A> {
    pub(super) fn new(inner: A, connections: usize, patience: Duration) -> Self {
        let places = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        Self { inner, places, full: Arc::default(), patience: patience.min(FOR_EVER) }
    }
}

impl<A, S> Accept<TcpStream, S> for Guard<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
{
    type Stream = Guarded<A::Stream>;
    type Service = Owing<A::Service>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            if !self.full.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "as many connections are open as listen.max_connections allows; more are closed at once"
                );
            }
            return Box::pin(async { Err(io::Error::other("too many connections")) });
        };
        self.full.store(false, Ordering::Relaxed);
        let nodelay = stream.set_nodelay(true);
        let accepted = self.inner.accept(stream, service);
        let patience = self.patience;
        Box::pin(async move {
            nodelay?;
            let (inner, service) = accepted.await?;
            let outgoing = Outgoing::new(patience);
            let service = Owing::new(service, outgoing.clone());
            let timer = Box::pin(tokio::time::sleep(patience));
            Ok((Guarded { inner, timer, outgoing, stalled: None, patience, seen: 0, _place: place }, service))
        })
    }
}

/// A connection that holds its place and has a deadline: until its protocol is known for that, later for what its client
/// was sent; and another whenever the client takes nothing at all.
pub(super) struct Guarded<S> {
    inner: S,
    /// When to look next. It is not set anew for each piece of an answer: never later than `patience` from the last look,
    /// it comes before the first of them is late.
    timer: Pin<Box<Sleep>>,
    outgoing: Outgoing,
    stalled: Option<Pin<Box<Sleep>>>,
    patience: Duration,
    seen: usize,
    _place: OwnedSemaphorePermit,
}

impl<S> Guarded<S> {
    /// Ready when the connection has to be given up: its protocol is not known in time, or a piece of an answer is late.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.as_mut().poll(cx));
        if self.seen < PREFACE {
            return Poll::Ready(());
        }
        let now = Instant::now();
        let due = self.outgoing.due();
        if due.is_some_and(|due| due <= now) {
            tracing::info!("a client did not take what it was answered; its connection is ended");
            return Poll::Ready(());
        }
        let look = now.checked_add(self.patience).unwrap_or(now);
        self.timer.as_mut().reset(due.map_or(look, |due| due.min(look)));
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Passes on how an attempt to write went, and gives up when none has got on for too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        // The server may not read while it cannot write.
        if self.seen >= PREFACE && self.overdue(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buffer) {
            Poll::Ready(result) => {
                this.seen = this.seen.saturating_add(buffer.filled().len().saturating_sub(before));
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(this.overdue(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, bytes);
        this.watch(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        this.watch(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, slices);
        this.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
