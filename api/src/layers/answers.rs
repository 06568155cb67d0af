//! What answers to reads may take in memory until their clients have taken them: all of them, and those of one client.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shares::{Share, Shares};
use crate::limits::Limits;
use crate::metrics::HttpMetrics;
use crate::problem::{INTERNAL, OVERLOADED, Problem};

/// Answers of up to this many bytes are not counted: receipts, proofs, a checkpoint. A connection can hold as many of
/// them as it has streams.
pub(super) const SMALL: usize = 4096;

/// The room for answers to reads.
pub(crate) struct Answers {
    room: Arc<Semaphore>,
    limit: usize,
    shares: Shares,
    retry: Duration,
    metrics: HttpMetrics,
}

impl Answers {
    pub(super) fn new(limits: &Limits, metrics: HttpMetrics) -> Self {
        let limit = limits.answer_bytes_in_flight.min(Semaphore::MAX_PERMITS);
        let retry = limits.busy_retry();
        let room = Arc::new(Semaphore::new(limit));
        Self { room, limit, shares: Shares::new(limit), retry, metrics }
    }

    /// Counts an answer whose bytes are all there, until the last of them has left. One that is larger than all the room,
    /// or than a client's share, may pass alone. One that is made while it is sent has bounds of its own.
    ///
    /// # Errors
    ///
    /// 503 when answers that nobody has taken yet fill the memory, or this client's share of it.
    pub(super) async fn count(&self, client: Option<IpAddr>, answer: Response) -> Result<Response, Problem> {
        let length = answer.body().size_hint().exact().and_then(|length| usize::try_from(length).ok());
        let Some(length) = length.filter(|length| *length > SMALL) else { return Ok(answer) };
        let Some(charge) = self.take(client, length) else {
            return Err(Problem::of(&OVERLOADED).retry_after(self.retry));
        };
        let (head, body) = answer.into_parts();
        // They are there: nothing waits here, and one piece is not copied.
        let bytes = body.collect().await.map_err(|error| Problem::of(&INTERNAL).cause(error))?.to_bytes();
        let counted = Bytes::from_owner(Counted { bytes, _charge: charge });
        Ok(Response::from_parts(head, Body::from(counted)))
    }

    fn take(&self, client: Option<IpAddr>, length: usize) -> Option<Charge> {
        let length = length.min(self.limit);
        let room = Arc::clone(&self.room).try_acquire_many_owned(u32::try_from(length).ok()?).ok()?;
        let share = self.shares.try_count(client, length)?;
        self.metrics.answer_bytes_held(i64::try_from(length).unwrap_or(i64::MAX));
        Some(Charge { room, metrics: self.metrics.clone(), _share: share })
    }
}

/// The room of one answer, given back on drop.
struct Charge {
    room: OwnedSemaphorePermit,
    metrics: HttpMetrics,
    _share: Share,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.metrics.answer_bytes_held(-i64::try_from(self.room.num_permits()).unwrap_or(i64::MAX));
    }
}

/// Bytes on their way out, and their room.
struct Counted {
    bytes: Bytes,
    _charge: Charge,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
