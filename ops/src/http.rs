//! The HTTP client of the commands: bounded in time and bytes, never following a redirect by itself.
//!
//! Redirects mean something in the older registration flows (standards §2.7), so [`crate::submit`] reads them.

mod problem;
mod retry_after;
#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;

pub(crate) use problem::element as problem_element;
pub(crate) use retry_after::RetryAfter;

use crate::console::printable;
use crate::failure::Failure;
use crate::files;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use url::Url;

/// The largest answer a command reads. A receipt is under 4 KiB; a transparent statement has the statement in it.
const MAX_REPLY_BYTES: u64 = 32 * 1024 * 1024;

/// How many connections are kept for requests that go out at once.
const MAX_IDLE: usize = 8;

/// How a command reaches a service.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Service {
    /// Address of the transparency service.
    #[arg(
        long,
        value_name = "URL",
        help = "Address of the transparency service, for example https://ts.example"
    )]
    pub(crate) url: Url,
    #[command(flatten)]
    pub(crate) transport: Transport,
}

/// Transport options of every command that talks to a service.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Transport {
    /// Trust these certificate authorities (PEM) for TLS instead of the public ones
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Give up on one request after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) request_timeout: u64,
}

/// What came back, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The problem a failure status comes with, for a person: `title: detail (HTTP 400)`.
    pub(crate) fn problem(&self) -> String {
        problem::describe(self.status, self.content_type.as_deref(), &self.body)
    }

    /// Where `Location` points, resolved against the request. None without one; a failure when it cannot be
    /// followed safely.
    pub(crate) fn target(&self) -> Result<Option<Url>, Failure> {
        let Some(location) = &self.location else { return Ok(None) };
        let target = self.url.join(location).map_err(|error| {
            Failure::unreachable(format_args!(
                "the service sent a Location that is no URL: {}: {error}",
                printable(location)
            ))
        })?;
        let downgrade = self.url.scheme() == "https" && target.scheme() != "https";
        if downgrade || !matches!(target.scheme(), "http" | "https") {
            return Err(Failure::unreachable(format_args!(
                "the service sent a Location that leaves TLS or HTTP: {}",
                printable(location)
            )));
        }
        Ok(Some(target))
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// Nothing was ever listening there: trying again at once will not help.
    NobodyThere(String),
    /// Somebody is there who cannot show a certificate that is trusted: trying again will not help either.
    NotTrusted(String),
    /// The exchange began and broke off or took too long: it may have happened, and may be repeated.
    Lost(String),
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NobodyThere(what) => {
                Self::unreachable(what).hint("is the service running, and is --url its address?")
            }
            HttpError::NotTrusted(what) => Self::unreachable(what)
                .hint("if the service has a certificate authority of its own, name it with --tls-ca"),
            HttpError::Lost(what) => {
                Self::unreachable(what).hint("the request may be repeated safely: run the command again")
            }
        }
    }
}

/// A client of one service.
pub(crate) struct Client {
    agent: ureq::Agent,
    base: Url,
}

impl Client {
    /// A client of the service at `url`.
    pub(crate) fn new(url: &Url, transport: &Transport) -> Result<Self, Failure> {
        let mut base = url.clone();
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(Failure::local(format_args!("{url} is not an http:// or https:// address")));
        }
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        if let Some(path) = &transport.tls_ca {
            tls = tls.root_certs(RootCerts::new_with_certs(&roots(path)?));
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections_per_host(MAX_IDLE)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(transport.request_timeout)))
            .user_agent(concat!("stele/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build());
        if is_loopback(&base) {
            // A proxy of the environment cannot reach the loopback of this machine.
            config = config.proxy(None);
        }
        Ok(Self { agent: config.build().new_agent(), base })
    }

    /// The client of a service named on the command line.
    pub(crate) fn of(service: &Service) -> Result<Self, Failure> {
        Self::new(&service.url, &service.transport)
    }

    /// The address of a resource of this service; `path` has no leading slash.
    pub(crate) fn resource(&self, path: &str) -> Result<Url, Failure> {
        self.base.join(path).map_err(|error| Failure::local(format_args!("{path} is no path: {error}")))
    }

    /// One GET.
    pub(crate) fn get(&self, url: &Url, accept: &str) -> Result<Reply, HttpError> {
        let request = self.agent.get(url.as_str()).header("accept", accept);
        self.finish(url, request.call())
    }

    /// One GET that has to give 200: its body.
    pub(crate) fn fetch(&self, path: &str, accept: &str) -> Result<Vec<u8>, Failure> {
        let reply = self.get(&self.resource(path)?, accept)?;
        match reply.status {
            200 => Ok(reply.body),
            500.. => Err(Failure::unreachable(reply.problem())),
            _ => Err(Failure::refused(reply.problem())),
        }
    }

    /// One POST of a signed statement.
    pub(crate) fn post_statement(
        &self,
        url: &Url,
        statement: &[u8],
        respond_async: bool,
    ) -> Result<Reply, HttpError> {
        let mut request = self
            .agent
            .post(url.as_str())
            .header("content-type", "application/cose")
            .header("accept", ACCEPT_RECEIPT);
        if respond_async {
            request = request.header("prefer", "respond-async");
        }
        self.finish(url, request.send(statement))
    }

    /// One POST of many signed statements, one after another.
    pub(crate) fn post_batch(
        &self,
        url: &Url,
        statements: &[u8],
        respond_async: bool,
    ) -> Result<Reply, HttpError> {
        let mut request = self
            .agent
            .post(url.as_str())
            .header("content-type", "application/cbor-seq")
            .header("accept", "application/cbor-seq, application/concise-problem-details+cbor;q=0.5");
        if respond_async {
            request = request.header("prefer", "respond-async");
        }
        self.finish(url, request.send(statements))
    }

    /// One GET of something that has at most `limit` bytes, uncompressed.
    pub(crate) fn get_bounded(
        &self,
        url: &Url,
        accept: &str,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Reply, HttpError> {
        let mut request = self.agent.get(url.as_str()).header("accept", accept);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.finish_within(url, request.call(), u64::try_from(limit).unwrap_or(u64::MAX))
    }

    /// One POST of a JSON text, under a key by which the receiver can tell that it has it already.
    pub(crate) fn post_json(&self, url: &Url, body: &[u8], key: &str) -> Result<Reply, HttpError> {
        let request = self.agent.post(url.as_str()).header("content-type", "application/json");
        self.finish(url, request.header("idempotency-key", key).send(body))
    }

    fn finish(
        &self,
        url: &Url,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Reply, HttpError> {
        self.finish_within(url, result, MAX_REPLY_BYTES)
    }

    fn finish_within(
        &self,
        url: &Url,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        limit: u64,
    ) -> Result<Reply, HttpError> {
        let response = result.map_err(|error| explain(url, &error))?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        Ok(Reply {
            status: response.status().as_u16(),
            url: url.clone(),
            content_type: header("content-type"),
            location: header("location"),
            retry_after: header("retry-after").and_then(|value| RetryAfter::parse(&value)),
            body: read_within(url, response, limit)?,
        })
    }
}

/// A receipt, or the reason why not. Named first because older services choose their flow by it (standards §2.7).
pub(crate) const ACCEPT_RECEIPT: &str = "application/cose, application/concise-problem-details+cbor;q=0.5";

/// Reads a body whole. The limit holds for what a compressed one unfolds to.
fn read_within(
    url: &Url,
    response: ureq::http::Response<ureq::Body>,
    limit: u64,
) -> Result<Vec<u8>, HttpError> {
    let place = url.origin().ascii_serialization();
    let mut body = Vec::new();
    let mut reader = response.into_body().into_reader().take(limit.saturating_add(1));
    reader.read_to_end(&mut body).map_err(|error| explain(url, &ureq::Error::from(error)))?;
    if u64::try_from(body.len()).is_ok_and(|length| length <= limit) {
        return Ok(body);
    }
    Err(HttpError::Lost(format!("{place} sent more than {limit} bytes")))
}

fn explain(url: &Url, error: &ureq::Error) -> HttpError {
    let place = url.origin().ascii_serialization();
    match error {
        ureq::Error::HostNotFound => HttpError::NobodyThere(format!("{place} has no address")),
        ureq::Error::ConnectionFailed => HttpError::NobodyThere(format!("cannot connect to {place}")),
        ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => {
            HttpError::NobodyThere(format!("nothing listens at {place}"))
        }
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
            HttpError::NobodyThere(format!("{place} does not answer"))
        }
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            HttpError::NotTrusted(format!("no TLS with {place}: {error}"))
        }
        // A handshake that fails while reading arrives wrapped.
        ureq::Error::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            HttpError::NotTrusted(format!("no TLS with {place}: {io}"))
        }
        ureq::Error::Timeout(_) => HttpError::Lost(format!("{place} did not answer in time")),
        other => HttpError::Lost(format!("the exchange with {place} broke off: {other}")),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn roots(path: &std::path::Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let bytes = files::read(path)?;
    let certificates: Vec<_> = ureq::tls::parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Failure::local(format_args!("{} holds no certificate in PEM", path.display())));
    }
    Ok(certificates)
}
