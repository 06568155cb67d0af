//! The running load: connections that ask, and a clock that is stopped when the last one has its answer.
//!
//! Closed loop: every connection asks again as soon as it is answered. Open loop: request *n* is due *n* / rate after
//! the start, whoever is free sends it, and its latency counts from when it was due, so that a service that stalls
//! cannot hide the requests that had to wait for it (coordinated omission).

mod pace;
#[cfg(test)]
mod tests;

use super::numbers::Latencies;
use super::wire::{Answer, Broken, Connection};
use crate::failure::Failure;
use anyhow::Context;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The most kinds of error told apart; further ones are counted together.
const MAX_KINDS: usize = 64;
/// How long a connection that could not be made waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// What is asked, and what an answer is worth.
pub(super) trait Requests: Send + Sync {
    /// Writes request `n` over `request`; false when there are no more.
    fn write(&self, n: u64, request: &mut Vec<u8>) -> bool;

    /// Counts the answer to request `n`.
    fn read(&self, n: u64, answer: &Answer<'_>, tally: &mut Tally);
}

/// How hard, how long, at whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) address: SocketAddr,
    pub(super) connections: usize,
    pub(super) threads: usize,
    pub(super) duration: Duration,
    /// Requests a second, due at even distances; without it every connection asks as fast as it is answered.
    pub(super) rate: Option<NonZeroU64>,
    /// How long after the end the last answers are waited for.
    pub(super) grace: Duration,
}

/// What came back.
pub(super) struct Tally {
    /// Requests sent.
    pub(super) sent: u64,
    /// Of these, the ones that were answered, or that broke.
    settled: u64,
    /// Things done by the answers: registrations, receipts, tiles.
    pub(super) done: u64,
    /// Of these, the ones answered before the end.
    pub(super) in_time: u64,
    /// Bytes of the bodies of good answers.
    pub(super) bytes: u64,
    /// What went wrong, by kind.
    pub(super) errors: BTreeMap<String, u64>,
    /// One answer of each kind of refusal, as the service worded it.
    pub(super) examples: BTreeMap<String, Vec<u8>>,
    /// Answers kept for a look after the clock has stopped, by the number of what was asked.
    pub(super) kept: Vec<(u64, Vec<u8>)>,
    pub(super) latencies: Latencies,
}

impl Tally {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self {
            sent: 0,
            settled: 0,
            done: 0,
            in_time: 0,
            bytes: 0,
            errors: BTreeMap::new(),
            examples: BTreeMap::new(),
            kept: Vec::new(),
            latencies: Latencies::new()?,
        })
    }

    pub(super) fn error(&mut self, kind: String, example: &[u8]) {
        self.errors_of(kind, example, 1);
    }

    fn errors_of(&mut self, kind: String, example: &[u8], count: u64) {
        let known = self.errors.contains_key(&kind);
        let kind = if known || self.errors.len() < MAX_KINDS { kind } else { "others".to_owned() };
        if !example.is_empty() && !self.examples.contains_key(&kind) {
            self.examples.insert(kind.clone(), example.to_vec());
        }
        let counted = self.errors.entry(kind).or_default();
        *counted = counted.saturating_add(count);
    }

    /// Adds another thread's.
    pub(super) fn add(&mut self, other: Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.settled = self.settled.saturating_add(other.settled);
        self.done = self.done.saturating_add(other.done);
        self.in_time = self.in_time.saturating_add(other.in_time);
        self.bytes = self.bytes.saturating_add(other.bytes);
        for (kind, count) in other.errors {
            let example = other.examples.get(&kind).cloned().unwrap_or_default();
            self.errors_of(kind, &example, count);
        }
        self.kept.extend(other.kept);
        self.latencies.add(&other.latencies);
    }
}

/// A load that has been run.
pub(super) struct Ran {
    pub(super) tally: Tally,
    /// From the start to the last answer.
    pub(super) elapsed: Duration,
    /// What the rate is counted over: the time planned, or less if there was nothing left to ask.
    pub(super) window: Duration,
    /// Whether there was nothing left to ask before the time was over.
    pub(super) ran_out: bool,
}

/// What all connections of a thread share.
struct Crew {
    plan: Plan,
    requests: Arc<dyn Requests>,
    turns: Arc<Turns>,
    tally: Mutex<Tally>,
}

/// Whose turn it is, over all threads.
struct Turns {
    next: AtomicU64,
    /// Requests that are due, in open loop.
    due: Semaphore,
    began: OnceLock<Instant>,
    ran_out: OnceLock<Instant>,
    /// Connections of all threads.
    connections: u64,
}

/// Runs the load and comes back when every answer is there, or the grace is over. `started` is called
/// when the clock starts.
pub(super) fn run(
    plan: Plan,
    requests: &Arc<dyn Requests>,
    started: &(dyn Fn() + Sync),
) -> Result<Ran, Failure> {
    let threads = plan.threads.clamp(1, plan.connections.max(1));
    let turns = Arc::new(Turns {
        next: AtomicU64::new(0),
        due: Semaphore::new(0),
        began: OnceLock::new(),
        ran_out: OnceLock::new(),
        connections: u64::try_from(plan.connections).unwrap_or(u64::MAX),
    });
    let ready = Barrier::new(threads);
    let tallies = std::thread::scope(|scope| {
        let crews: Vec<_> = (0..threads)
            .map(|number| {
                let share = plan.connections / threads + usize::from(number < plan.connections % threads);
                let plan = Plan { connections: share, ..plan };
                let (requests, turns, ready) = (Arc::clone(requests), Arc::clone(&turns), &ready);
                scope.spawn(move || thread(number == 0, plan, requests, turns, ready, started))
            })
            .collect();
        crews.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let ended = Instant::now();
    let mut tally = Tally::new()?;
    tallies.into_iter().for_each(|other| tally.add(other));
    let elapsed = turns.began.get().map_or(Duration::ZERO, |began| ended.duration_since(*began));
    let unanswered = tally.sent.saturating_sub(tally.settled);
    if unanswered > 0 {
        tally.errors_of("no answer in time".to_owned(), &[], unanswered);
    }
    if let Some(rate) = plan.rate {
        let never = pace::total(rate, plan.duration).saturating_sub(turns.next.load(Ordering::Relaxed));
        if never > 0 {
            tally.errors_of("due, and no connection was free to send it".to_owned(), &[], never);
        }
    }
    let ran_out = turns.ran_out.get().is_some();
    if ran_out {
        tally.in_time = tally.done;
    }
    let window = if ran_out { elapsed } else { plan.duration };
    Ok(Ran { tally, elapsed, window, ran_out })
}

fn join(crew: std::thread::ScopedJoinHandle<'_, Result<Tally, Failure>>) -> Result<Tally, Failure> {
    crew.join().unwrap_or_else(|_| Err(Failure::local("a thread of the load failed in a way nobody foresaw")))
}

/// One thread with connections of its own, so that no answer has to wake another thread.
fn thread(
    leads: bool,
    plan: Plan,
    requests: Arc<dyn Requests>,
    turns: Arc<Turns>,
    ready: &Barrier,
    started: &(dyn Fn() + Sync),
) -> Result<Tally, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a thread");
    let tally = Tally::new();
    let connections = match &runtime {
        Ok(runtime) => runtime.block_on(connect(plan)),
        Err(_) => Vec::new(),
    };
    // Nobody may fail between the two barriers, or the others would wait for ever.
    ready.wait();
    if leads {
        started();
        turns.began.get_or_init(Instant::now);
    }
    ready.wait();
    let (runtime, tally) = (runtime?, tally?);
    let crew = Arc::new(Crew { plan, requests, turns, tally: Mutex::new(tally) });
    runtime.block_on(all(&crew, connections, leads));
    drop(runtime);
    let crew = Arc::into_inner(crew).ok_or_else(|| Failure::local("a connection outlived its thread"))?;
    Ok(crew.tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// All connections of a thread, made before the clock starts. One that fails is made, and counted, later.
async fn connect(plan: Plan) -> Vec<Option<Connection>> {
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        connections.push(Connection::open(plan.address).await.ok());
    }
    connections
}

/// Lets every connection work until the end, and drops those that are not answered within the grace.
async fn all(crew: &Arc<Crew>, connections: Vec<Option<Connection>>, leads: bool) {
    let mut workers = JoinSet::new();
    for connection in connections {
        workers.spawn(work(Arc::clone(crew), connection));
    }
    if let Some(rate) = crew.plan.rate.filter(|_| leads) {
        let crew = Arc::clone(crew);
        workers.spawn(async move {
            let Turns { due, connections, .. } = crew.turns.as_ref();
            pace::pace(due, crew.began(), rate, crew.plan.duration, *connections).await;
        });
    }
    let limit = crew.end() + crew.plan.grace;
    let finished = async { while workers.join_next().await.is_some() {} };
    if tokio::time::timeout_at(limit.into(), finished).await.is_err() {
        workers.shutdown().await;
    }
}

impl Crew {
    fn began(&self) -> Instant {
        *self.turns.began.get_or_init(Instant::now)
    }

    fn end(&self) -> Instant {
        self.began() + self.plan.duration
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request and when it is due; none when the load is over.
    async fn turn(&self) -> Option<(u64, Instant)> {
        let Some(rate) = self.plan.rate else {
            let now = Instant::now();
            return (now < self.end()).then(|| (self.turns.next.fetch_add(1, Ordering::Relaxed), now));
        };
        self.turns.due.acquire().await.ok()?.forget();
        let n = self.turns.next.fetch_add(1, Ordering::Relaxed);
        (n < pace::total(rate, self.plan.duration)).then(|| (n, self.began() + pace::due(rate, n)))
    }
}

async fn work(crew: Arc<Crew>, mut connection: Option<Connection>) {
    let mut request = Vec::new();
    while let Some((n, due)) = crew.turn().await {
        if !crew.requests.write(n, &mut request) {
            crew.turns.ran_out.get_or_init(Instant::now);
            return;
        }
        crew.tally().sent += 1;
        let kept = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(crew.plan.address).await,
        };
        match kept {
            Ok(mut open) => {
                let answer = open.exchange(&request).await;
                count(&crew, n, due, answer);
                connection = Some(open).filter(Connection::is_usable);
            }
            Err(broken) => {
                count(&crew, n, due, Err(broken));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn count(crew: &Crew, n: u64, due: Instant, answer: Result<Answer<'_>, Broken>) {
    let now = Instant::now();
    let mut tally = crew.tally();
    tally.settled = tally.settled.saturating_add(1);
    match answer {
        Ok(answer) => {
            let before = tally.done;
            crew.requests.read(n, &answer, &mut tally);
            let done = tally.done.saturating_sub(before);
            if done > 0 {
                tally.latencies.record(now.saturating_duration_since(due));
                tally.bytes = tally.bytes.saturating_add(u64::try_from(answer.body.len()).unwrap_or(0));
                if now <= crew.end() {
                    tally.in_time = tally.in_time.saturating_add(done);
                }
            }
        }
        Err(broken) => tally.error(broken.kind(), &[]),
    }
}
