//! Reading a body within bounds: of one body, of all bodies at once, and of time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;
use crate::metrics::HttpMetrics;
use crate::problem::{BODY_TIMEOUT, MALFORMED, OVERLOADED, Problem};

/// The budget of bytes that all request bodies share.
///
/// Bytes are charged as they arrive and not as they are declared: a client that announces a megabyte and
/// sends nothing takes nothing from the others.
pub(crate) struct Bodies {
    budget: Arc<Semaphore>,
    limit: usize,
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

/// Bytes charged so far, given back on drop.
struct Charge {
    permit: OwnedSemaphorePermit,
    metrics: HttpMetrics,
}

impl Bodies {
    pub(super) fn new(limits: &Limits, metrics: HttpMetrics) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(limits.body_bytes_in_flight.min(Semaphore::MAX_PERMITS))),
            limit: limits.body_bytes,
            deadline: limits.body_read(),
            retry: limits.busy_retry(),
            metrics,
        }
    }

    /// Reads one body.
    ///
    /// # Errors
    ///
    /// 413 as soon as the declared or the received length is over the limit, before the rest is read; 408
    /// when it does not arrive in time; 503 when other bodies fill the memory; 400 when it breaks off.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Problem> {
        let declared =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > self.limit)) {
            return Err(Problem::too_large(self.limit));
        }
        let read = tokio::time::timeout(self.deadline, self.collect(body)).await;
        read.map_err(|_| Problem::of(&BODY_TIMEOUT))?
    }

    async fn collect(&self, mut body: Body) -> Result<Held, Problem> {
        let mut charge = Charge { permit: self.permit(0)?, metrics: self.metrics.clone() };
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::of(&MALFORMED).because("the content broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            self.metrics.body_bytes_received(data.len());
            if data.len() > self.limit.saturating_sub(bytes.len()) {
                return Err(Problem::too_large(self.limit));
            }
            charge.add(self.permit(data.len())?);
            bytes.extend_from_slice(&data);
        }
        Ok(Held { bytes: bytes.freeze(), _charge: charge })
    }

    fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let full = || Problem::of(&OVERLOADED).retry_after(self.retry);
        let bytes = u32::try_from(bytes).map_err(|_| full())?;
        Arc::clone(&self.budget).try_acquire_many_owned(bytes).map_err(|_| full())
    }
}

impl Charge {
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
