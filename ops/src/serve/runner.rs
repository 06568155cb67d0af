//! The running service: three threads that write to the log, two listeners, and one orderly end.
//!
//! To stop: accept nothing more, let accepted requests finish (bounded), and drop the last handle on the ledger. The
//! sequencer then commits what it holds and ends, the keeper ends, and the publisher signs the newest checkpoint and ends.

use super::backups;
use super::connection::Guard;
use super::descriptors;
use super::{PRIVATE, PUBLIC, Plan, listen, tls};
use crate::config::Config;
use crate::datadir::DataDir;
use crate::failure::Failure;
use crate::{keys, restored, telemetry, witnessing};
use anyhow::Context;
use api::HttpMetrics;
use axum::Router;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use ledger::{Fatal, Keeper, Ledger, Metrics, Opened, Parts, Publisher, Sequencer, SystemClock};
use proofs::{EntryId, TreeSize};
use std::net::{SocketAddr, TcpListener};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use storage::RocksStore;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long the ledger's own threads may take once nobody can send them anything. What was acknowledged is durable
/// long before, so giving up loses nothing.
const DRAIN: Duration = Duration::from_secs(30);

/// How long answers may take to leave when the log cannot go on.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is true once the service answers.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) public: SocketAddr,
    pub(crate) private: Option<SocketAddr>,
    pub(crate) url: String,
    pub(crate) log_id: EntryId,
    pub(crate) size: TreeSize,
}

/// Serves the log until it is told to stop. Returns after everything accepted is committed and published.
pub(crate) fn run(folder: &DataDir, plan: Plan, ready: &mut dyn FnMut(&Ready)) -> Result<(), Failure> {
    let store = Arc::new(folder.open_restored_store(&plan.config.store)?);
    let keys = keys::of_service(folder, store.as_ref())?;
    let registry = telemetry::registry()?;
    telemetry::watch_store(&store, &registry)?;
    let metrics = Metrics::new(&registry).context("cannot make the metrics")?;
    let http_metrics = HttpMetrics::register(&registry).context("cannot make the metrics")?;
    let origin = keys::genesis(store.as_ref())?.origin;
    let witnessing = witnessing::of(folder, &plan.config.witness, &origin)?;
    let asked = witnessing.clone();
    let parts = Parts {
        store: Arc::<RocksStore>::clone(&store),
        keys,
        clock: Arc::new(SystemClock),
        metrics,
        witnessing,
    };
    let Config { listen: listening, limits, read, evidence, ledger: settings, service, witness, .. } =
        plan.config;
    let Opened { ledger, sequencer, publisher, keeper } = Ledger::open(parts, settings)
        .map_err(|error| Failure::local(format_args!("{}: {error}", folder.root().display())))?;
    let asked = witnessing::guard(folder, &witness, asked.as_ref(), &ledger)?;
    restored::settle(folder, &store, &ledger, &asked.shown)?;
    let copies = backups::open(folder, &store);

    let tls = plan.tls.as_ref().map(tls::config).transpose()?;
    let public = listen(listening.address, PUBLIC)?;
    let private = listening.private.map(|address| listen(address, PRIVATE)).transpose()?;
    let announcement = Ready {
        public: address_of(&public)?,
        private: private.as_ref().map(address_of).transpose()?,
        url: service.url.as_str().to_owned(),
        log_id: ledger.identity().log_id,
        size: ledger.head().tree.size,
    };

    let doors = Doors {
        app: api::router(ledger, limits.clone(), read, evidence, service.url, http_metrics),
        public,
        private: private.map(|listener| (listener, api::metrics_router(registry))),
        tls: tls.map(|config| tls::Named(RustlsAcceptor::new(config))),
        connections: descriptors::room_for(listening.max_connections),
        head_timeout: Duration::from_secs(listening.head_timeout_s),
        head_bytes: limits.header_bytes.saturating_add(limits.target_bytes),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("http")
        .build()
        .context("cannot start the threads of the service")?;
    let (sender, threads) = unbounded_channel();
    start_threads(sequencer, publisher, keeper, &sender)?;
    drop(sender);
    let grace = Duration::from_secs(listening.stop_grace_s);
    let ending = runtime.block_on(async {
        let stop = Stop::listen()?;
        let handle = Handle::new();
        let servers = doors.open(&handle)?;
        ready(&announcement);
        until_stopped(stop, handle, servers, threads, grace).await
    });
    drop(copies);
    // The server of the metrics ends here; it shares the store.
    runtime.shutdown_timeout(LAST_WORDS);
    close(store, ending.is_ok());
    ending
}

/// Writes out what is in memory, if all is well, and closes the store.
fn close(store: Arc<RocksStore>, well: bool) {
    if well && let Err(error) = store.flush() {
        tracing::warn!(%error, "what is committed stays in the write-ahead log; the next start reads it from there");
    }
    match last_holder(store, DRAIN) {
        Some(store) => drop(store),
        None => tracing::warn!("the store is still in use and was not closed; nothing acknowledged is lost"),
    }
}

/// Waits until nobody else holds it. The store has to be closed before the process ends: RocksDB's own threads, a
/// compaction say, must not outlive what the C++ runtime takes down at the exit.
fn last_holder<T>(mut shared: Arc<T>, patience: Duration) -> Option<T> {
    const LOOK_AGAIN: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        shared = match Arc::try_unwrap(shared) {
            Ok(alone) => return Some(alone),
            Err(_) if waited >= patience => return None,
            Err(shared) => shared,
        };
        std::thread::sleep(LOOK_AGAIN);
        waited = waited.saturating_add(LOOK_AGAIN);
    }
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    Ok(listener.local_addr().context("a listener has no address")?)
}

/// How one of the ledger's threads ended. None: it panicked.
struct Ended {
    name: &'static str,
    result: Option<Result<(), Fatal>>,
}

impl Ended {
    fn check(self) -> Result<(), Failure> {
        let why = match self.result {
            Some(Ok(())) => return Ok(()),
            Some(Err(fatal)) => fatal.to_string(),
            None => format!("the {} failed in a way nobody foresaw", self.name),
        };
        Err(Failure::local(format_args!("the log cannot go on: {why}")).hint(
            "start the service again: opening the log finds out what is stored; nothing acknowledged is lost",
        ))
    }
}

fn start_threads(
    sequencer: Sequencer,
    publisher: Publisher,
    keeper: Keeper,
    ends: &UnboundedSender<Ended>,
) -> Result<(), Failure> {
    start_thread("sequencer", ends.clone(), move || sequencer.run())?;
    start_thread("publisher", ends.clone(), move || publisher.run())?;
    start_thread("keeper", ends.clone(), move || keeper.run())
}

fn start_thread(
    name: &'static str,
    ends: UnboundedSender<Ended>,
    work: impl FnOnce() -> Result<(), Fatal> + Send + 'static,
) -> Result<(), Failure> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let result = std::panic::catch_unwind(AssertUnwindSafe(work)).ok();
            ends.send(Ended { name, result }).ok();
        })
        .with_context(|| format!("cannot start the {name}"))?;
    Ok(())
}

/// Everything that listens.
struct Doors {
    app: Router,
    public: TcpListener,
    private: Option<(TcpListener, Router)>,
    tls: Option<tls::Named>,
    connections: usize,
    head_timeout: Duration,
    head_bytes: usize,
}

/// The two servers as one: it ends when the public one has.
type Servers = tokio::task::JoinHandle<std::io::Result<()>>;

impl Doors {
    fn open(self, handle: &Handle<SocketAddr>) -> Result<Servers, Failure> {
        let Self { app, public, private, tls, connections, head_timeout, head_bytes } = self;
        if let Some((listener, router)) = private {
            let server = tuned(server(listener)?, head_timeout, head_bytes).acceptor(Guard::new(
                DefaultAcceptor,
                PRIVATE_CONNECTIONS,
                head_timeout,
            ));
            tokio::spawn(server.serve(router.into_make_service()));
        }
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = tuned(server(public)?, head_timeout, head_bytes).handle(handle.clone());
        Ok(match tls {
            Some(tls) => tokio::spawn(server.acceptor(Guard::new(tls, connections, head_timeout)).serve(app)),
            None => tokio::spawn(
                server.acceptor(Guard::new(DefaultAcceptor, connections, head_timeout)).serve(app),
            ),
        })
    }
}

/// More than every monitoring system that anybody runs.
pub(super) const PRIVATE_CONNECTIONS: usize = 64;

pub(super) fn server(listener: TcpListener) -> Result<Server<SocketAddr>, Failure> {
    Ok(axum_server::from_tcp(listener).context("cannot take over a listener")?)
}

/// Bounds what a connection may hold before a request is handed to the API: the API counts bodies, not these buffers.
pub(super) fn tuned(
    mut server: Server<SocketAddr>,
    head_timeout: Duration,
    head_bytes: usize,
) -> Server<SocketAddr> {
    const BUFFER: usize = 64 * 1024;
    const WINDOW: u32 = 64 * 1024;
    let http = server.http_builder();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(BUFFER.max(head_bytes.saturating_mul(2)));
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * 4)
        .max_send_buf_size(BUFFER)
        .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(head_timeout)
        .keep_alive_timeout(head_timeout);
    server
}

/// SIGTERM and Ctrl-C.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn listen() -> Result<Self, Failure> {
        let take = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { terminate: take(SignalKind::terminate())?, interrupt: take(SignalKind::interrupt())? })
    }

    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn until_stopped(
    mut stop: Stop,
    handle: Handle<SocketAddr>,
    mut servers: Servers,
    mut threads: UnboundedReceiver<Ended>,
    grace: Duration,
) -> Result<(), Failure> {
    tokio::select! {
        () = stop.told() => {
            tracing::info!("told to stop: finishing what was accepted");
            handle.graceful_shutdown(Some(grace));
        }
        Some(ended) = threads.recv() => {
            // Whoever waits for the dead thread gets an answer; nobody new is let in.
            handle.graceful_shutdown(Some(LAST_WORDS));
            servers.await.ok();
            return Err(ended.check().err().unwrap_or_else(|| Failure::local("the log ended by itself")));
        }
        result = &mut servers => {
            let why = match result {
                Ok(Ok(())) => "it ended by itself".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            return Err(Failure::local(format_args!("the service cannot listen any more: {why}")));
        }
    }
    tokio::select! {
        _ = &mut servers => {}
        () = stop.told() => {
            tracing::warn!("told to stop again: dropping the connections that are left");
            handle.shutdown();
            servers.await.ok();
        }
    }
    drain(threads).await
}

/// The threads end by themselves once the last handle on the ledger is gone.
async fn drain(mut threads: UnboundedReceiver<Ended>) -> Result<(), Failure> {
    let drained = tokio::time::timeout(DRAIN, async {
        let mut outcome = Ok(());
        while let Some(ended) = threads.recv().await {
            outcome = outcome.and(ended.check());
        }
        outcome
    });
    drained.await.unwrap_or_else(|_| {
        Err(Failure::local(format_args!(
            "the log did not finish within {} s of the last request",
            DRAIN.as_secs()
        ))
        .hint("nothing acknowledged is lost; starting the service again finishes the rest"))
    })
}

#[cfg(test)]
mod tests;
