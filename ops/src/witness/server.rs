//! The running witness.

use super::{Config, WitnessDir};
use crate::failure::Failure;
use crate::serve::plain::{self, Plain};
use crate::telemetry;
use anyhow::Context;
use api::WitnessLimits;
use std::net::SocketAddr;
use std::time::Duration;

/// Serves the witness until it is told to stop; says where, and how many logs it knows, once it answers.
pub(crate) fn serve(
    folder: &WitnessDir,
    config: &Config,
    ready: &mut dyn FnMut(SocketAddr, usize),
) -> Result<(), Failure> {
    let registry = telemetry::registry()?;
    let (witness, writer) = folder.witness(config)?;
    let logs = witness.logs();
    let head_timeout = Duration::from_secs(config.head_timeout_s.max(1));
    let limits =
        WitnessLimits { requests_in_flight: config.requests_in_flight.max(1), body_timeout: head_timeout };
    let router = api::witness_router(witness, limits, &registry).context("cannot make the metrics")?;
    let plain = Plain {
        what: "the witness",
        address: config.address,
        behind_proxy: config.behind_proxy,
        private: config.private()?,
        registry,
        router,
        connections: config.max_connections.max(1),
        head_timeout,
    };
    plain::run(plain, move || writer.run().map_err(|error| error.to_string()), &mut |address| {
        ready(address, logs);
    })
}
