//! Logs and metrics: what the service says about itself, to those who run it.

mod process;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use process::cpu_time;

use crate::config::{Log, LogFormat};
use crate::failure::Failure;
use anyhow::Context;
use prometheus::{IntGaugeVec, Opts, Registry};
use std::io::IsTerminal;
use std::sync::Arc;
use storage::RocksStore;
use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error, as the configuration says. Once a process.
pub(crate) fn start_log(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.level).map_err(|error| {
        Failure::local(format_args!("{:?} is not a log filter: {error}", log.level))
            .hint("for example: warn, info, or warn,ledger=debug")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => builder.with_target(true).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::local(format_args!("cannot start the log: {error}")))
}

/// A registry that knows which program it belongs to, and what its process takes.
pub(crate) fn registry() -> Result<Registry, Failure> {
    let registry = Registry::new();
    let build = IntGaugeVec::new(
        Opts::new("stele_build_info", "Always 1; the label says which version of Stele is running."),
        &["version"],
    )
    .context("cannot make the metrics")?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(build)).context("cannot make the metrics")?;
    let process = process::Process::new().context("cannot make the metrics")?;
    registry.register(Box::new(process)).context("cannot make the metrics")?;
    Ok(registry)
}

/// Shows the store in the registry.
pub(crate) fn watch_store(store: &Arc<RocksStore>, registry: &Registry) -> Result<(), Failure> {
    Ok(store::watch(store, registry).context("cannot make the metrics")?)
}
