//! `stele.toml`: one file, composed of the settings each room documents, parsed once, unknown names refused.
//!
//! The annotated file in `config/stele.toml` is the only place where the settings are described: `stele init` writes
//! it, `stele config reference` renders it, and a test compares its names and defaults with the code.

mod reference;
#[cfg(test)]
mod tests;
mod witness;

pub(crate) use reference::markdown;
pub(crate) use witness::{Unreachable, Witness};

use crate::failure::Failure;
use crate::files;
use api::PublicUrl;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The annotated configuration with every default.
pub(crate) const TEMPLATE: &str = include_str!("config/stele.toml");

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) service: Service,
    #[serde(default)]
    pub(crate) listen: Listen,
    #[serde(default)]
    pub(crate) tls: Tls,
    #[serde(default)]
    pub(crate) log: Log,
    #[serde(default)]
    pub(crate) limits: api::Limits,
    #[serde(default)]
    pub(crate) read: api::ReadSettings,
    #[serde(default)]
    pub(crate) evidence: api::EvidenceSettings,
    #[serde(default)]
    pub(crate) ledger: ledger::Settings,
    #[serde(default)]
    pub(crate) witness: Witness,
    #[serde(default)]
    pub(crate) store: storage::Settings,
}

/// `[service]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    #[serde(deserialize_with = "public_url")]
    pub(crate) url: PublicUrl,
}

/// `[listen]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) behind_proxy: bool,
    #[serde(deserialize_with = "private")]
    pub(crate) private: Option<SocketAddr>,
    pub(crate) max_connections: usize,
    pub(crate) head_timeout_s: u64,
    pub(crate) stop_grace_s: u64,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            behind_proxy: false,
            private: Some(SocketAddr::from(([127, 0, 0, 1], 9464))),
            max_connections: 4096,
            head_timeout_s: 30,
            stop_grace_s: 20,
        }
    }
}

/// `[tls]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
}

impl Tls {
    /// Certificate and key, when both are given.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }

    /// Who signs the certificates of clients.
    pub(crate) fn client_ca(&self) -> Option<&Path> {
        self.client_ca.as_deref()
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "warn".to_owned(), format: LogFormat::Text }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For a log collector: one object a line
    Json,
}

impl Config {
    /// Reads and checks a configuration file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let mut config = Self::parse(&files::read_text(path)?).map_err(|Complaint { line, message }| {
            let place = line.map_or_else(String::new, |line| format!(" line {line}"));
            Failure::local(format_args!("{}{place}: {message}", path.display()))
                .hint("stele config reference explains every setting")
        })?;
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        config.ledger.workers = workers(config.ledger.workers, cores);
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, Complaint> {
        let config: Self = toml::from_str(text).map_err(|error| Complaint {
            line: error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| before.matches('\n').count() + 1),
            message: error.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        config.check().map_err(|message| Complaint { line: None, message })?;
        Ok(config)
    }

    /// What TLS needs, and what needs TLS.
    fn check_tls(&self) -> Result<(), String> {
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return Err("[tls] needs both certificate and key, or neither".to_owned());
        }
        if self.tls.client_ca.is_some() && self.tls.certificate.is_none() {
            return Err(
                "tls.client_ca needs certificate and key: clients show theirs in TLS alone".to_owned()
            );
        }
        let by_certificate =
            self.evidence.producers.iter().find(|producer| !producer.certificates.is_empty());
        if let Some(producer) = by_certificate.filter(|_| self.tls.client_ca.is_none()) {
            let id = &producer.id;
            return Err(format!(
                "evidence.producers: {id:?} has certificates, and there is no tls.client_ca to verify them"
            ));
        }
        Ok(())
    }

    /// What the types cannot say.
    fn check(&self) -> Result<(), String> {
        self.check_tls()?;
        tracing_subscriber::EnvFilter::try_new(&self.log.level)
            .map_err(|error| format!("log.level {:?} is not a log filter: {error}", self.log.level))?;
        self.witness.check()?;
        self.evidence.check().map_err(|error| format!("evidence.producers: {error}"))?;
        if self.read.statements == api::StatementReaders::Token && self.read.token_sha256.is_empty() {
            return Err("read.statements is \"token\" and read.token_sha256 holds none: nobody could read a statement"
                .to_owned());
        }
        let Self { listen, limits, ledger, store, .. } = self;
        let counts = [
            ("listen.max_connections", listen.max_connections),
            ("limits.body_bytes", limits.body_bytes),
            ("limits.batch_entries", limits.batch_entries),
            ("limits.batch_bytes", limits.batch_bytes),
            ("limits.body_bytes_in_flight", limits.body_bytes_in_flight),
            ("limits.answer_bytes_in_flight", limits.answer_bytes_in_flight),
            ("limits.registrations_in_flight", limits.registrations_in_flight),
            ("limits.reads_in_flight", limits.reads_in_flight),
            ("limits.target_bytes", limits.target_bytes),
            ("limits.header_bytes", limits.header_bytes),
            ("read.pages_in_flight", self.read.pages_in_flight),
            ("read.searches_in_flight", self.read.searches_in_flight),
            ("evidence.streams", self.evidence.streams),
            ("ledger.mailbox_entries", ledger.mailbox_entries),
            ("ledger.mailbox_bytes", ledger.mailbox_bytes),
            ("ledger.round_entries", ledger.round_entries),
            ("ledger.round_bytes", ledger.round_bytes),
            ("store.cache_mib", store.cache_mib),
            ("store.write_buffer_mib", store.write_buffer_mib),
        ];
        let times = [
            ("listen.head_timeout_s", listen.head_timeout_s),
            ("limits.body_read_ms", limits.body_read_ms),
            ("limits.request_ms", limits.request_ms),
            ("limits.rate_period_s", limits.rate_period_s.into()),
            ("limits.rate_cells", limits.rate_cells.into()),
            ("ledger.register_deadline_ms", ledger.register_deadline_ms),
            ("ledger.checkpoint_interval_ms", ledger.checkpoint_interval_ms),
            ("ledger.ready_lag_ms", ledger.ready_lag_ms),
        ];
        let zero = counts
            .iter()
            .filter(|(_, value)| *value == 0)
            .map(|(name, _)| name)
            .chain(times.iter().filter(|(_, value)| *value == 0).map(|(name, _)| name))
            .next();
        match zero {
            Some(name) => Err(format!("{name} must not be 0: nothing would ever be accepted")),
            None if limits.body_bytes > limits.body_bytes_in_flight => {
                Err("limits.body_bytes is above limits.body_bytes_in_flight: the largest statement would never fit"
                    .to_owned())
            }
            None if limits.batch_bytes > limits.body_bytes_in_flight => {
                Err("limits.batch_bytes is above limits.body_bytes_in_flight: the largest batch would never fit".to_owned())
            }
            None if limits.body_bytes > ledger.mailbox_bytes => {
                Err("limits.body_bytes is above ledger.mailbox_bytes: the largest statement would never fit".to_owned())
            }
            None => Ok(()),
        }
    }
}

/// As many workers as were asked for, or as suit the machine.
fn workers(asked: usize, cores: usize) -> usize {
    if asked == 0 { cores.saturating_mul(2).max(2) } else { asked }
}

/// What is wrong with a configuration, and where.
#[derive(Debug)]
struct Complaint {
    line: Option<usize>,
    message: String,
}

/// The annotated configuration of a new log.
pub(crate) fn for_new_log(url: &PublicUrl, address: SocketAddr) -> String {
    let mut section = "";
    let mut text = String::with_capacity(TEMPLATE.len());
    for line in TEMPLATE.lines() {
        if line.starts_with('[') {
            section = line;
        }
        match (section, line.split(" = ").next()) {
            ("[service]", Some("url")) => text.push_str(&format!("url = {}", quoted(url.as_str()))),
            ("[listen]", Some("address")) => {
                text.push_str(&format!("address = {}", quoted(&address.to_string())))
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn public_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicUrl, D::Error> {
    let text = String::deserialize(deserializer)?;
    PublicUrl::parse(&text).map_err(serde::de::Error::custom)
}

fn private<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_private(&text).map_err(serde::de::Error::custom)
}

/// `ADDRESS:PORT`, or `off`.
pub(crate) fn parse_private(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("{text:?} is neither ADDRESS:PORT nor \"off\""))
}
