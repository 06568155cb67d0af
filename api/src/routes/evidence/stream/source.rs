//! Where the lines come from: a content that was read whole, or one that is still arriving.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::metrics::HttpMetrics;
use crate::problem::{BODY_TIMEOUT, MALFORMED, Problem};
use crate::router::App;

/// How much of a whole content is cut into lines at a time.
const PIECE: usize = 64 * 1024;

type Received = Option<Result<Frame<Bytes>, axum::Error>>;

/// See the [module](self).
pub(super) struct Source {
    content: Content,
    /// How long a client may take to send a line.
    patience: Duration,
    metrics: HttpMetrics,
    broken: bool,
    problem: Option<Problem>,
}

enum Content {
    Whole(Bytes),
    Arriving(Body),
    Ended,
}

/// What a look at the source found.
pub(super) enum Arrived {
    Bytes(Bytes),
    Nothing,
    Ended,
}

impl Source {
    /// A content that is declared and fits a batch is read whole.
    ///
    /// # Errors
    ///
    /// As for a batch.
    pub(super) async fn open(app: &App, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let limits = &app.guards.limits;
        let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let content = if declared.is_some_and(|length: usize| length <= limits.batch_bytes) {
            Content::Whole(app.guards.bodies.read_batch(headers, body).await?.into_bytes())
        } else {
            Content::Arriving(body)
        };
        let (patience, metrics) = (limits.body_read(), app.guards.metrics.clone());
        Ok(Self { content, patience, metrics, broken: false, problem: None })
    }

    /// Until when a client may take to send a line, from now.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Bytes, as soon as there are any; `None` at the end, which comes at `deadline`.
    pub(super) async fn wait(&mut self, deadline: Instant) -> Option<Bytes> {
        let waited = tokio::time::timeout_at(deadline, self.next()).await;
        waited.unwrap_or_else(|_| self.break_off(Problem::of(&BODY_TIMEOUT)))
    }

    /// Bytes, if there are any now.
    pub(super) async fn now(&mut self) -> Arrived {
        let received = match &mut self.content {
            Content::Arriving(body) => {
                poll_fn(|context| Poll::Ready(Pin::new(&mut *body).poll_frame(context))).await
            }
            Content::Whole(_) | Content::Ended => {
                return self.next().await.map_or(Arrived::Ended, Arrived::Bytes);
            }
        };
        match received {
            Poll::Pending => Arrived::Nothing,
            Poll::Ready(received) => match self.received(received) {
                Some(bytes) => Arrived::Bytes(bytes),
                None if matches!(self.content, Content::Ended) => Arrived::Ended,
                None => Arrived::Nothing,
            },
        }
    }

    /// Whether the content ended before it was whole.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Why it is broken.
    pub(super) fn take_problem(&mut self) -> Option<Problem> {
        self.problem.take()
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let received = match &mut self.content {
                Content::Ended => return None,
                Content::Whole(rest) if rest.is_empty() => None,
                Content::Whole(rest) => return Some(rest.split_to(PIECE.min(rest.len()))),
                Content::Arriving(body) => body.frame().await,
            };
            let bytes = self.received(received);
            if bytes.is_some() {
                return bytes;
            }
        }
    }

    /// The bytes of a frame; a frame without any is passed over.
    fn received(&mut self, received: Received) -> Option<Bytes> {
        match received {
            None => {
                self.content = Content::Ended;
                None
            }
            Some(Err(_)) => self.break_off(Problem::of(&MALFORMED).because("the content broke off")),
            Some(Ok(frame)) => {
                let bytes = frame.into_data().ok().filter(|bytes| !bytes.is_empty())?;
                self.metrics.body_bytes_received(bytes.len());
                Some(bytes)
            }
        }
    }

    fn break_off(&mut self, problem: Problem) -> Option<Bytes> {
        self.content = Content::Ended;
        self.broken = true;
        self.problem = Some(problem);
        None
    }
}
