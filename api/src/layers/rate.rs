//! How often one client may ask (SCR-34). The only DoS defence that tells clients apart, hence by address
//! alone.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{NotUntil, Quota, RateLimiter};

use crate::limits::Limits;

/// A rate for each cell; every client address belongs to one cell.
///
/// There are never more cells than configured, so memory is bounded by construction and needs no sweeping.
/// Which addresses share a cell depends on a number drawn at the start, so nobody can choose to share one
/// with somebody else.
pub(super) struct Rate<C: Clock = DefaultClock> {
    limiter: RateLimiter<u64, DefaultKeyedStateStore<u64>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    cells: u64,
    hasher: RandomState,
    trust_forwarded_for: bool,
    text: String,
    burst: usize,
}

impl Rate {
    /// The configured rate, or none if it is switched off.
    pub(super) fn new(limits: &Limits) -> Option<Self> {
        Self::with_clock(limits, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Rate<C> {
    fn with_clock(limits: &Limits, clock: C) -> Option<Self> {
        let requests = NonZeroU32::new(limits.rate_requests)?;
        let period = limits.rate_period_s.max(1);
        let each = Duration::from_secs(u64::from(period)) / requests.get();
        let quota = Quota::with_period(each.max(Duration::from_nanos(1)))?.allow_burst(requests);
        Some(Self {
            limiter: RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone()),
            clock,
            cells: u64::from(limits.rate_cells.max(1)),
            hasher: RandomState::new(),
            trust_forwarded_for: limits.trust_forwarded_for,
            burst: usize::try_from(requests.get()).unwrap_or(usize::MAX),
            text: format!("Only {requests} requests per {} are allowed.", in_words(period)),
        })
    }

    /// What a client over the limit is told.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Counts one request of the client.
    ///
    /// # Errors
    ///
    /// How long to wait, when the client asked too often.
    pub(super) fn check(&self, request: &Request) -> Result<(), Duration> {
        let client = client(request.extensions(), request.headers(), self.trust_forwarded_for);
        self.check_client(client)
    }

    /// Counts as many more requests as a batch holds statements beyond its first: all of them or none.
    ///
    /// # Errors
    ///
    /// How long to wait; [`Duration::MAX`] when a batch of this size will never be within the rate.
    pub(super) fn check_more(&self, parts: &Parts, more: usize) -> Result<(), Duration> {
        let more = u32::try_from(more).map_err(|_| Duration::MAX)?;
        let Some(more) = NonZeroU32::new(more) else { return Ok(()) };
        self.check_cell(client(&parts.extensions, &parts.headers, self.trust_forwarded_for), more)
    }

    /// Counts as many requests of a client of [`client_of`](Self::client_of): all of them or none.
    ///
    /// # Errors
    ///
    /// As [`check_more`](Self::check_more).
    pub(super) fn check_many(&self, client: Option<IpAddr>, requests: usize) -> Result<(), Duration> {
        let requests = u32::try_from(requests).map_err(|_| Duration::MAX)?;
        NonZeroU32::new(requests).map_or(Ok(()), |requests| self.check_cell(client, requests))
    }

    /// Whose requests these are.
    pub(super) fn client_of(&self, parts: &Parts) -> Option<IpAddr> {
        client(&parts.extensions, &parts.headers, self.trust_forwarded_for)
    }

    /// How many requests may ever pass at once.
    pub(super) fn at_once(&self) -> usize {
        self.burst
    }

    fn check_client(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        self.check_cell(client, NonZeroU32::MIN)
    }

    fn check_cell(&self, client: Option<IpAddr>, requests: NonZeroU32) -> Result<(), Duration> {
        let cell = self.hasher.hash_one(client.map(network)) % self.cells;
        let wait = |until: NotUntil<C::Instant>| until.wait_time_from(self.clock.now());
        self.limiter.check_key_n(&cell, requests).map_err(|_| Duration::MAX)?.map_err(wait)
    }
}

/// The peer's address; behind a proxy, the address that the proxy saw: the last of `X-Forwarded-For`, the
/// only one that the client did not write.
pub(super) fn client(
    extensions: &Extensions,
    headers: &HeaderMap,
    trust_forwarded_for: bool,
) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let line = headers.get_all("x-forwarded-for").iter().next_back();
    let hop = line.and_then(|line| line.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    if trust_forwarded_for { hop.or(peer) } else { peer }
}

/// The family and the part of an address that one customer holds: all of IPv4, the first half of IPv6.
pub(super) type Network = (u8, u64);

/// The network of an address.
pub(super) fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V4(four) => (4, u64::from(four.to_bits())),
        IpAddr::V6(six) => (6, u64::try_from(six.to_bits() >> 64).unwrap_or_default()),
    }
}

fn in_words(seconds: u32) -> String {
    match seconds {
        1 => "second".to_owned(),
        60 => "minute".to_owned(),
        3600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        other => format!("{other} seconds"),
    }
}

#[cfg(test)]
mod tests;
