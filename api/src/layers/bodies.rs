//! Reading a body within bounds: of one body, of all bodies at once, and of time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rate::client;
use super::shares::{Share, Shares};
use crate::limits::Limits;
use crate::metrics::HttpMetrics;
use crate::problem::{BODY_TIMEOUT, MALFORMED, OVERLOADED, Problem};

/// The budget of bytes that all request bodies share.
///
/// Bytes are charged as they arrive and not as they are declared: a client that announces a megabyte and
/// sends nothing takes nothing from the others.
pub(crate) struct Bodies {
    budget: Arc<Semaphore>,
    /// A budget of its own, so that clients who do not take their answers keep nobody from uploading.
    answers: Arc<Semaphore>,
    answers_limit: usize,
    /// What each client has not taken of the answers that are made.
    shares: Shares,
    trust_forwarded_for: bool,
    limit: usize,
    batch_limit: usize,
    deadline: Duration,
    retry: Duration,
    metrics: HttpMetrics,
}

/// One body in memory. Its bytes count against the budget until it is dropped.
pub(crate) struct Held {
    /// The whole content.
    pub(crate) bytes: Bytes,
    _charge: Charge,
}

impl Held {
    /// The content, counted against the budget until the last slice of it is dropped, whoever holds it then: work that
    /// was begun for a client who has gone keeps its bytes, and must not make room for more.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes charged so far, given back on drop.
#[derive(Debug)]
pub(crate) struct Charge {
    permit: OwnedSemaphorePermit,
    metrics: HttpMetrics,
    /// Whose answer it is for.
    owner: Option<(Shares, Option<IpAddr>)>,
    share: Option<Share>,
}

impl Bodies {
    pub(super) fn new(limits: &Limits, metrics: HttpMetrics) -> Self {
        let answers_limit = (limits.body_bytes_in_flight / 2).min(Semaphore::MAX_PERMITS);
        Self {
            budget: Arc::new(Semaphore::new(limits.body_bytes_in_flight.min(Semaphore::MAX_PERMITS))),
            answers: Arc::new(Semaphore::new(answers_limit)),
            answers_limit,
            shares: Shares::new(answers_limit),
            trust_forwarded_for: limits.trust_forwarded_for,
            limit: limits.body_bytes,
            batch_limit: limits.batch_bytes,
            deadline: limits.body_read(),
            retry: limits.busy_retry(),
            metrics,
        }
    }

    /// Reads one body of at most `limits.body_bytes`.
    ///
    /// # Errors
    ///
    /// 413 as soon as the declared or the received length is over the limit, before the rest is read; 408
    /// when it does not arrive in time; 503 when other bodies fill the memory; 400 when it breaks off.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Problem> {
        self.read_up_to(self.limit, Problem::too_large, headers, body).await
    }

    /// The same for a batch, of at most `limits.batch_bytes`.
    ///
    /// # Errors
    ///
    /// As [`Bodies::read`].
    pub(crate) async fn read_batch(&self, headers: &HeaderMap, body: Body) -> Result<Held, Problem> {
        self.read_up_to(self.batch_limit, Problem::batch_bytes, headers, body).await
    }

    /// Room for an answer, taken before anything is promised. An answer larger than all room may pass alone.
    ///
    /// # Errors
    ///
    /// 503 when answers that nobody has taken yet fill the memory, or this client has a quarter of it for such answers.
    pub(crate) fn reserve(&self, asked: &Parts, bytes: usize) -> Result<Charge, Problem> {
        let client = client(&asked.extensions, &asked.headers, self.trust_forwarded_for);
        if !self.shares.have_room(client) {
            return Err(self.full());
        }
        let mut charge = self.charge(&self.answers)?;
        charge.owner = Some((self.shares.clone(), client));
        charge.add(self.permit(&self.answers, bytes.min(self.answers_limit))?);
        Ok(charge)
    }

    async fn read_up_to(
        &self,
        limit: usize,
        too_large: fn(usize) -> Problem,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Held, Problem> {
        let declared =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
            return Err(too_large(limit));
        }
        let read = tokio::time::timeout(self.deadline, self.collect(limit, too_large, body)).await;
        read.map_err(|_| Problem::of(&BODY_TIMEOUT))?
    }

    async fn collect(
        &self,
        limit: usize,
        too_large: fn(usize) -> Problem,
        mut body: Body,
    ) -> Result<Held, Problem> {
        let mut charge = self.charge(&self.budget)?;
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::of(&MALFORMED).because("the content broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            self.metrics.body_bytes_received(data.len());
            if data.len() > limit.saturating_sub(bytes.len()) {
                return Err(too_large(limit));
            }
            charge.add(self.permit(&self.budget, data.len())?);
            // Copied: kept as it is, the piece would keep all that its connection read with it, which nobody counts.
            bytes.extend_from_slice(&data);
        }
        Ok(Held { bytes: bytes.freeze(), _charge: charge })
    }

    fn charge(&self, budget: &Arc<Semaphore>) -> Result<Charge, Problem> {
        let permit = self.permit(budget, 0)?;
        Ok(Charge { permit, metrics: self.metrics.clone(), owner: None, share: None })
    }

    fn permit(&self, budget: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let bytes = u32::try_from(bytes).map_err(|_| self.full())?;
        Arc::clone(budget).try_acquire_many_owned(bytes).map_err(|_| self.full())
    }

    fn full(&self) -> Problem {
        Problem::of(&OVERLOADED).retry_after(self.retry)
    }
}

/// Bytes on their way out that count against the budget until the last of them has left.
struct Outgoing {
    bytes: Vec<u8>,
    _charge: Arc<Charge>,
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Charge {
    /// Binds the charge to these bytes: it lasts as long as any part of them does, in the buffers of a connection too.
    /// Room that they turned out not to need is given back now.
    pub(crate) fn onto(mut self, mut bytes: Vec<u8>) -> Bytes {
        bytes.shrink_to_fit();
        let spare = self.permit.num_permits().saturating_sub(bytes.capacity());
        if let Some(spare) = self.permit.split(spare) {
            self.metrics.body_bytes_held(-gauge_value(spare.num_permits()));
        }
        // Not before: what is still worked on is no fault of the client's.
        self.share = self.owner.take().map(|(shares, client)| shares.count(client, bytes.len()));
        Self::shared_onto(Arc::new(self), bytes)
    }

    /// All of it as the client's from now on, for an answer whose bytes are not there yet.
    pub(crate) fn of_client(mut self) -> Self {
        let bytes = self.permit.num_permits();
        self.share = self.owner.take().map(|(shares, client)| shares.count(client, bytes));
        self
    }

    /// The same for a charge that something else holds too; it lasts as long as either, and all of it.
    pub(crate) fn shared_onto(charge: Arc<Self>, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Outgoing { bytes, _charge: charge })
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        self.metrics.body_bytes_held(gauge_value(more.num_permits()));
        self.permit.merge(more);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.metrics.body_bytes_held(-gauge_value(self.permit.num_permits()));
    }
}

fn gauge_value(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
