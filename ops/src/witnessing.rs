//! Witnesses over HTTP, and the fork guard: what others know of this log is asked before it signs.

mod guard;
mod http;
#[cfg(test)]
mod tests;

pub(crate) use guard::{Asked, guard};

use crate::config::Witness as Settings;
use crate::datadir::DataDir;
use crate::failure::Failure;
use crate::files;
use http::HttpWitness;
use ledger::{WitnessClient, Witnessing};
use proofs::TlogPolicy;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What `[witness]` asks for; none without a policy.
pub(crate) fn of(folder: &DataDir, settings: &Settings, origin: &str) -> Result<Option<Witnessing>, Failure> {
    let Some(path) = &settings.policy else { return Ok(None) };
    let path = folder.resolve(path);
    let policy = read_policy(&path)?;
    let timeout = Duration::from_millis(settings.request_ms);
    let mut clients = Vec::new();
    for witness in policy.witnesses() {
        // A witness without a URL is one whose cosignatures count, and whom somebody else asks.
        let Some(url) = &witness.url else { continue };
        let url = prefix(url).map_err(|why| {
            Failure::local(format_args!("{}: the witness {}: {why}", path.display(), witness.key.name()))
        })?;
        let http = HttpWitness::new(&url, origin, timeout)?;
        clients.push(WitnessClient { key: witness.key.clone(), witness: Arc::new(http) });
    }
    let reached = |at: usize| policy.witnesses().get(at).is_some_and(|witness| witness.url.is_some());
    if !policy.is_quorum(reached) {
        return Err(Failure::local(format_args!(
            "{}: the witnesses with a URL are not a quorum, so no checkpoint would ever have one",
            path.display()
        ))
        .hint("add the submission prefix behind the vkey of each witness"));
    }
    Ok(Some(Witnessing { policy, clients, settings: settings.settings() }))
}

/// Reads a C2SP tlog-policy file.
pub(crate) fn read_policy(path: &Path) -> Result<TlogPolicy, Failure> {
    TlogPolicy::parse(&files::read(path)?).map_err(|error| {
        Failure::local(format_args!("{} {error}", path.display())).hint("see https://c2sp.org/tlog-policy")
    })
}

/// A URL prefix, as a folder that other names can be joined to.
fn prefix(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("{text:?} is not an http:// or https:// address"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}
