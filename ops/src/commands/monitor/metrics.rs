//! What a monitor says about itself to Prometheus.

use crate::failure::Failure;
use crate::telemetry;
use anyhow::Context;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use std::net::{SocketAddr, TcpListener};

/// The numbers of one monitor.
pub(super) struct MonitorMetrics {
    verified_size: IntGauge,
    read_size: IntGauge,
    contradicted: IntGauge,
    reports: IntCounterVec,
    rounds: IntCounterVec,
}

impl MonitorMetrics {
    /// Registers them.
    pub(super) fn new(registry: &Registry) -> Result<Self, Failure> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let counter = |name: &str, help: &str, label: &str| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let make = || -> Result<Self, prometheus::Error> {
            Ok(Self {
                verified_size: gauge(
                    "stele_monitor_verified_size",
                    "The size of the newest head that was verified and found consistent with all before it.",
                )?,
                read_size: gauge(
                    "stele_monitor_read_size",
                    "How many entries were read and everything found in them delivered.",
                )?,
                contradicted: gauge(
                    "stele_monitor_contradicted",
                    "1 once the log has signed two heads that cannot both be true.",
                )?,
                reports: counter(
                    "stele_monitor_reports_total",
                    "Reports that were delivered, by the kind of event.",
                    "event",
                )?,
                rounds: counter(
                    "stele_monitor_rounds_total",
                    "Rounds of looking at the log, by how they ended.",
                    "outcome",
                )?,
            })
        };
        Ok(make().context("cannot make the metrics")?)
    }

    pub(super) fn head(&self, size: u64) {
        self.verified_size.set(i64::try_from(size).unwrap_or(i64::MAX));
    }

    pub(super) fn read(&self, size: u64) {
        self.read_size.set(i64::try_from(size).unwrap_or(i64::MAX));
    }

    pub(super) fn contradicted(&self) {
        self.contradicted.set(1);
    }

    pub(super) fn reported(&self, event: &str) {
        self.reports.with_label_values(&[event]).inc();
    }

    pub(super) fn round(&self, outcome: &str) {
        self.rounds.with_label_values(&[outcome]).inc();
    }
}

/// A registry, and its metrics at `/metrics` of `address` if one is given, on a thread of their own.
pub(super) fn serve(address: Option<SocketAddr>) -> Result<Registry, Failure> {
    let registry = telemetry::registry()?;
    let Some(address) = address else { return Ok(registry) };
    let listener = TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .with_context(|| format!("cannot listen on {address} for metrics"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the thread of the metrics")?;
    let router = api::metrics_router(registry.clone());
    let serving = move || {
        runtime.block_on(async {
            let server = axum_server::from_tcp(listener);
            let serving = server.map(|server| server.serve(router.into_make_service()));
            match serving {
                Ok(serving) => serving.await.ok(),
                Err(_) => None,
            }
        });
    };
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(serving)
        .context("cannot start the thread of the metrics")?;
    Ok(registry)
}
