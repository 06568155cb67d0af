//! What this room bounds, each bound with its meaning, its default and what breaks.

use std::time::Duration;

use serde::Deserialize;

/// Bounds of the HTTP side; the section `[limits]` of the configuration. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest request body in bytes. Default 1,048,576. Too small: statements the policy would admit get
    /// 413. Too large: `body_bytes_in_flight` holds fewer uploads. Keep it at or above the policy's own
    /// maximum.
    pub body_bytes: usize,
    /// Statements that one batch may hold. Default 1,000. Each counts as a request for `rate_requests`. Too few:
    /// producers need more round trips. Too many: one request keeps its answers in memory for longer.
    pub batch_entries: usize,
    /// Largest batch in bytes. Default 8 MiB. Keep it at or above `body_bytes`, or a statement that passes alone does
    /// not pass in a batch.
    pub batch_bytes: usize,
    /// Bytes of request bodies held in memory at once, over all requests, counted as they arrive; and, half as
    /// many again, of answers to batches that their clients have not taken yet, a quarter of these for one client address.
    /// Default 64 MiB. Too small: uploads get 503 in a crowd. Too large: that much memory (twice, while a buffer grows)
    /// is at the disposal of slow clients.
    pub body_bytes_in_flight: usize,
    /// Bytes of answers to reads held in memory at once until their clients have taken them: of answers above 4 KiB, but
    /// for pages of statements, which `read.pages_in_flight` bounds. One client address has at most a quarter of it.
    /// Default 128 MiB. Too small: readers of large statements get 503 in a crowd. Too large: that much memory is at the
    /// disposal of slow readers.
    pub answer_bytes_in_flight: usize,
    /// Longest time a client may take to send a body, in milliseconds. Default 30,000. Too short: slow links
    /// get 408. Too long: an idle upload keeps its place among `registrations_in_flight` that long.
    pub body_read_ms: u64,
    /// Registrations worked on at once, uploads included. Default 1,024. More get 503 with Retry-After.
    pub registrations_in_flight: usize,
    /// Every other request worked on at once, probes excepted. Default 1,024. More get 503 with Retry-After.
    pub reads_in_flight: usize,
    /// Longest time a request may take altogether, in milliseconds. Default 60,000; keep it above
    /// `body_read_ms` plus the ledger's register deadline, or clients get a 503 that names no Location.
    pub request_ms: u64,
    /// Requests one client address may make in `rate_period_s`, all of them at once if it likes. Default
    /// 60,000; 0 switches the limit off, which SCR-34 allows only where clients are authenticated in front of
    /// the service.
    pub rate_requests: u32,
    /// The period of `rate_requests` in seconds. Default 60.
    pub rate_period_s: u32,
    /// Cells that client addresses are hashed into for the rate, at least 1. Default 65,536, about 4 MiB when
    /// all are in use. Too few: strangers share a cell, and so a rate.
    pub rate_cells: u32,
    /// Whether the last hop of `X-Forwarded-For` names the client. Default false. True without a proxy that
    /// sets the header: every client chooses its own address, and the rate limits nobody.
    pub trust_forwarded_for: bool,
    /// Longest request target in bytes. Default 4,096. Longer gets 414.
    pub target_bytes: usize,
    /// Most bytes of request headers, names and values. Default 16,384. More gets 431.
    pub header_bytes: usize,
    /// Seconds a client is told to wait when this room is full. Default 1.
    pub busy_retry_s: u32,
    /// Seconds a client is told to wait for a receipt that is still to come (202, 204). Default 1.
    pub receipt_retry_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            batch_entries: 1000,
            batch_bytes: 8 << 20,
            body_bytes_in_flight: 64 << 20,
            answer_bytes_in_flight: 128 << 20,
            body_read_ms: 30_000,
            registrations_in_flight: 1024,
            reads_in_flight: 1024,
            request_ms: 60_000,
            rate_requests: 60_000,
            rate_period_s: 60,
            rate_cells: 1 << 16,
            trust_forwarded_for: false,
            target_bytes: 4096,
            header_bytes: 16_384,
            busy_retry_s: 1,
            receipt_retry_s: 1,
        }
    }
}

impl Limits {
    pub(crate) fn body_read(&self) -> Duration {
        Duration::from_millis(self.body_read_ms)
    }

    pub(crate) fn request(&self) -> Duration {
        Duration::from_millis(self.request_ms)
    }

    pub(crate) fn busy_retry(&self) -> Duration {
        Duration::from_secs(u64::from(self.busy_retry_s))
    }

    pub(crate) fn receipt_retry(&self) -> Duration {
        Duration::from_secs(u64::from(self.receipt_retry_s))
    }
}
