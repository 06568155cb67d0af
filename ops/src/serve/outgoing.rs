//! What a connection still owes its client: the pieces of answers that were made and not taken yet.
//!
//! The socket alone does not tell. Over HTTP/2 a client grants room for each answer (RFC 9113 §5.2). One that grants
//! none leaves the socket empty and answers pings, while the HTTP library has taken a piece of each answer, asks for no
//! more and waits without a timer. So each piece has a time by which it has to be gone, and the connection is ended when
//! one is late: the library cannot be told to end the one answer.

use axum::http::Response;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use std::collections::BTreeSet;
use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::Service;

/// Bytes a second that a client takes of a piece at the slowest, on the whole: one that takes a byte now and then would
/// keep the rest in memory as one that takes nothing.
const SLOWEST: u32 = 8 * 1024;

/// The pieces of one connection.
#[derive(Clone)]
pub(super) struct Outgoing {
    pieces: Arc<Mutex<Pieces>>,
    patience: Duration,
}

#[derive(Default)]
struct Pieces {
    due: BTreeSet<Due>,
    next: u64,
}

/// By when a piece has to be gone, and which one it is.
type Due = (Instant, u64);

impl Outgoing {
    /// None yet. Each may take so long, and as long as [`SLOWEST`] allows for its length.
    pub(super) fn new(patience: Duration) -> Self {
        Self { pieces: Arc::default(), patience }
    }

    /// The earliest time by which one of the pieces has to be gone.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pieces().due.first().map(|(due, _)| *due)
    }

    fn piece<D: Buf>(&self, data: D) -> Piece<D> {
        let length = u64::try_from(data.remaining()).unwrap_or(u64::MAX);
        let allowed = self.patience.saturating_add(Duration::from_secs(length) / SLOWEST);
        let now = Instant::now();
        let due = now.checked_add(allowed).unwrap_or(now);
        let mut pieces = self.pieces();
        let number = pieces.next;
        pieces.next = number.wrapping_add(1);
        pieces.due.insert((due, number));
        drop(pieces);
        Piece { data, _owed: Owed { outgoing: self.clone(), due: (due, number) } }
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of an answer. It is owed until it is dropped: the library does that when the last of it is with the socket.
pub(super) struct Piece<D> {
    data: D,
    _owed: Owed,
}

struct Owed {
    outgoing: Outgoing,
    due: Due,
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.outgoing.pieces().due.remove(&self.due);
    }
}

impl<D: Buf> Buf for Piece<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
    }
}

/// A service whose answers are owed by one connection.
#[derive(Clone)]
pub(super) struct Owing<S> {
    inner: S,
    outgoing: Outgoing,
}

impl<S> Owing<S> {
    pub(super) fn new(inner: S, outgoing: Outgoing) -> Self {
        Self { inner, outgoing }
    }
}

impl<S, R, B> Service<R> for Owing<S>
where
    S: Service<R, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<OwedBody<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (answer, outgoing) = (self.inner.call(request), self.outgoing.clone());
        Box::pin(async move { Ok(answer.await?.map(|body| OwedBody { body, outgoing })) })
    }
}

/// The content of an answer, each piece of it owed from when it is made.
pub(super) struct OwedBody<B> {
    body: B,
    outgoing: Outgoing,
}

impl<B: Body + Unpin> Body for OwedBody<B> {
    type Data = Piece<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(context);
        frame.map(|frame| Some(frame?.map(|frame| frame.map_data(|data| this.outgoing.piece(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
