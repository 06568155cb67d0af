//! One witness over HTTP (C2SP tlog-witness): bounded in time and bytes.

use crate::failure::Failure;
use ledger::{Answer, Witness, WitnessReply};
use proofs::note::MAX_NOTE_LEN;
use proofs::witness::{monitoring_path, parse_size_body};
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::TlsConfig;
use url::Url;

/// A client of one witness. Connections are kept between requests (WIT-07).
#[derive(Clone)]
pub(super) struct HttpWitness {
    agent: ureq::Agent,
    submission: Url,
    monitoring: Url,
}

impl HttpWitness {
    /// The witness with this submission prefix, which is taken for its monitoring prefix too.
    pub(super) fn new(url: &Url, origin: &str, timeout: Duration) -> Result<Self, Failure> {
        let join = |path: &str| {
            url.join(path).map_err(|error| Failure::local(format_args!("{url}{path} is no URL: {error}")))
        };
        Ok(Self {
            agent: agent(url, timeout),
            submission: join("add-checkpoint")?,
            monitoring: join(&monitoring_path(origin))?,
        })
    }

    fn submit(&self, body: &str) -> WitnessReply {
        let sent = self
            .agent
            .post(self.submission.as_str())
            .header("content-type", "text/plain; charset=utf-8")
            .send(body.as_bytes());
        let response = match sent {
            Ok(response) => response,
            Err(error) => return WitnessReply::Unreachable(error.to_string()),
        };
        let status = response.status().as_u16();
        match read(response) {
            Ok(body) => reply(status, body),
            Err(error) => WitnessReply::Unreachable(error.to_string()),
        }
    }

    pub(super) fn monitored(&self) -> Result<Option<Vec<u8>>, String> {
        get(&self.agent, &self.monitoring)
    }
}

/// What a status of tlog-witness says. What only says "not now" is no refusal.
fn reply(status: u16, body: Vec<u8>) -> WitnessReply {
    match status {
        200 => WitnessReply::Cosigned(body),
        409 => WitnessReply::Conflict(parse_size_body(&body)),
        404 => WitnessReply::UnknownLog,
        403 => WitnessReply::BadSignature,
        422 => WitnessReply::Inconsistent,
        408 | 429 | 500.. => WitnessReply::Unreachable(format!("it answered with status {status}")),
        other => WitnessReply::Refused(other),
    }
}

impl Witness for HttpWitness {
    fn add_checkpoint(&self, body: String) -> Answer<'_, WitnessReply> {
        let this = self.clone();
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || this.submit(&body)).await;
            asked.unwrap_or_else(|error| WitnessReply::Unreachable(error.to_string()))
        })
    }

    fn newest(&self) -> Answer<'_, Option<Vec<u8>>> {
        let this = self.clone();
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || this.monitored()).await;
            asked.ok().and_then(Result::ok).flatten()
        })
    }
}

/// One GET: the body of a 200, none for a 404, else why not.
pub(super) fn get(agent: &ureq::Agent, url: &Url) -> Result<Option<Vec<u8>>, String> {
    let response = agent.get(url.as_str()).call().map_err(|error| error.to_string())?;
    match response.status().as_u16() {
        200 => read(response).map(Some).map_err(|error| error.to_string()),
        404 => Ok(None),
        status => Err(format!("it answered with status {status}")),
    }
}

fn read(response: ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, ureq::Error> {
    let limit = u64::try_from(MAX_NOTE_LEN).unwrap_or(u64::MAX);
    response.into_body().into_with_config().limit(limit).read_to_vec()
}

/// A client that follows no redirect and gives up in time.
pub(super) fn agent(url: &Url, timeout: Duration) -> ureq::Agent {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(timeout))
        .user_agent(concat!("stele/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    if crate::http::is_loopback(url) {
        // A proxy of the environment cannot reach the loopback of this machine.
        config = config.proxy(None);
    }
    config.build().new_agent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofs::TreeSize;

    #[test]
    fn wit_01_each_status_says_what_the_specification_says() {
        let of = |status| reply(status, b"7\n".to_vec());
        assert_eq!(of(200), WitnessReply::Cosigned(b"7\n".to_vec()));
        assert_eq!(of(409), WitnessReply::Conflict(Some(TreeSize::new(7))));
        assert_eq!(reply(409, b"seven".to_vec()), WitnessReply::Conflict(None));
        assert_eq!(of(404), WitnessReply::UnknownLog);
        assert_eq!(of(403), WitnessReply::BadSignature);
        assert_eq!(of(422), WitnessReply::Inconsistent);
        for status in [301, 400, 401, 418] {
            assert_eq!(of(status), WitnessReply::Refused(status));
        }
        for status in [408, 429, 500, 503] {
            assert!(matches!(of(status), WitnessReply::Unreachable(_)), "{status}");
        }
    }
}
