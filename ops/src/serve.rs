//! Running the service: from a folder to a listening process, and back to a clean end.

mod backups;
mod connection;
mod descriptors;
mod outgoing;
pub(crate) mod plain;
mod runner;
#[cfg(test)]
mod tests;
mod tls;

pub(crate) use runner::{Ready, run};

use crate::config::Config;
use crate::failure::Failure;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

/// What was decided before anything was opened.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) tls: Option<tls::Files>,
}

impl Plan {
    /// Checks that the service may listen as it was told to.
    pub(crate) fn new(folder: &crate::datadir::DataDir, config: Config) -> Result<Self, Failure> {
        let tls = config.tls.files().map(|(certificate, key)| tls::Files {
            certificate: folder.resolve(certificate),
            key: folder.resolve(key),
            client_ca: config.tls.client_ca().map(|file| folder.resolve(file)),
        });
        allowed(config.listen.address, tls.is_some(), config.listen.behind_proxy)?;
        Ok(Self { config, tls })
    }

    /// Things worth a word that are no reason to stop.
    pub(crate) fn advice(&self) -> Vec<String> {
        let Config { listen, limits, .. } = &self.config;
        let mut advice = Vec::new();
        if listen.behind_proxy && !limits.trust_forwarded_for && limits.rate_requests > 0 {
            advice.push(
                "behind a proxy all clients share one rate until limits.trust_forwarded_for is true"
                    .to_owned(),
            );
        }
        if let Some(private) = listen.private.filter(|address| !address.ip().is_loopback()) {
            advice.push(format!("/metrics is open to everybody who reaches {private}"));
        }
        advice
    }
}

/// Beyond loopback only over TLS, or behind a proxy that ends it (SCR-34).
fn allowed(address: SocketAddr, tls: bool, behind_proxy: bool) -> Result<(), Failure> {
    if address.ip().is_loopback() || tls || behind_proxy {
        return Ok(());
    }
    Err(Failure::local(format_args!("refusing to listen on {address}, beyond loopback, without TLS"))
        .hint("fill in [tls] in stele.toml, or say --behind-proxy if a proxy in front of it ends TLS"))
}

/// Takes a port, or says in one line why not.
pub(crate) fn listen(address: SocketAddr, what: &str) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let failure = Failure::local(match error.kind() {
            ErrorKind::AddrInUse => format!("{address} is in use: {what} cannot listen there"),
            ErrorKind::PermissionDenied => format!("{what} may not listen on {address}: permission denied"),
            ErrorKind::AddrNotAvailable => {
                format!("{address} is not an address of this machine: {what} cannot listen there")
            }
            _ => format!("{what} cannot listen on {address}: {error}"),
        });
        failure.hint(match what {
            PRIVATE => "choose another with --private ADDR, or --private off",
            _ => "choose another with --listen ADDR, or stop what uses it",
        })
    })?;
    listener
        .set_nonblocking(true)
        .map_err(|error| Failure::local(format_args!("{what} cannot listen on {address}: {error}")))?;
    Ok(listener)
}

/// How the two listeners are called in messages.
pub(crate) const PUBLIC: &str = "the service";
pub(crate) const PRIVATE: &str = "/metrics";
