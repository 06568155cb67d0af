//! A server with one router and one thread that writes: what a witness is. The bounds of a connection are those of the
//! log's service.

use super::connection::Guard;
use super::runner::{PRIVATE_CONNECTIONS, Stop, server, tuned};
use super::{PRIVATE, allowed, descriptors, listen};
use crate::failure::Failure;
use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::accept::DefaultAcceptor;
use prometheus::Registry;
use std::net::SocketAddr;
use std::time::Duration;

/// How long accepted requests may take once the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// The largest request head, in bytes: there is nothing to say in one.
const HEAD_BYTES: usize = 16 * 1024;

/// What is served, and where.
pub(crate) struct Plain {
    pub(crate) what: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) behind_proxy: bool,
    pub(crate) private: Option<SocketAddr>,
    pub(crate) registry: Registry,
    pub(crate) router: Router,
    pub(crate) connections: usize,
    pub(crate) head_timeout: Duration,
}

/// Serves until told to stop, or until the writer cannot go on. The writer ends when the router is gone.
pub(crate) fn run(
    plain: Plain,
    writer: impl FnOnce() -> Result<(), String> + Send + 'static,
    ready: &mut dyn FnMut(SocketAddr),
) -> Result<(), Failure> {
    allowed(plain.address, false, plain.behind_proxy)?;
    let public = listen(plain.address, plain.what)?;
    let private = plain.private.map(|address| listen(address, PRIVATE)).transpose()?;
    let address = public.local_addr().context("a listener has no address")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("http")
        .build()
        .context("cannot start the threads of the server")?;
    let (sender, mut ended) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || sender.send(writer()).ok())
        .context("cannot start the writer")?;
    let Plain { what, registry, router, connections, head_timeout, .. } = plain;
    let ending = runtime.block_on(async {
        let mut stop = Stop::listen()?;
        let handle = Handle::new();
        if let Some(listener) = private {
            let guard = Guard::new(DefaultAcceptor, PRIVATE_CONNECTIONS, head_timeout);
            let server = tuned(server(listener)?, head_timeout, HEAD_BYTES).acceptor(guard);
            tokio::spawn(server.serve(api::metrics_router(registry).into_make_service()));
        }
        let guard = Guard::new(DefaultAcceptor, descriptors::room_for(connections), head_timeout);
        let server = tuned(server(public)?, head_timeout, HEAD_BYTES).handle(handle.clone()).acceptor(guard);
        let mut serving = tokio::spawn(server.serve(router.into_make_service()));
        ready(address);
        tokio::select! {
            () = stop.told() => handle.graceful_shutdown(Some(GRACE)),
            written = &mut ended => {
                handle.shutdown();
                let why = written.ok().and_then(Result::err).unwrap_or_else(|| "its writer ended".to_owned());
                return Err(Failure::local(format_args!("{what} cannot go on: {why}"))
                    .hint("start it again: opening it finds out what is on the disk"));
            }
            result = &mut serving => {
                let why = result.map_err(|error| error.to_string()).and_then(|ended| ended.map_err(|e| e.to_string()));
                let why = why.err().unwrap_or_else(|| "it ended by itself".to_owned());
                return Err(Failure::local(format_args!("{what} cannot listen any more: {why}")));
            }
        }
        serving.await.ok();
        match tokio::time::timeout(GRACE, ended).await {
            Ok(Ok(Err(why))) => Err(Failure::local(format_args!("{what} did not end well: {why}"))),
            _ => Ok(()),
        }
    });
    runtime.shutdown_background();
    ending
}
