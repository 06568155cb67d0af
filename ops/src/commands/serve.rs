//! `stele serve`: the service.

use crate::config::{LogFormat, parse_private};
use crate::console::Console;
use crate::datadir::DataDir;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::serve::{self, Plan, Ready};
use crate::telemetry;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Serve a log over HTTP until SIGTERM or Ctrl-C
///
/// Everything accepted before the signal is finished, committed and published. One process serves a folder. The
/// operator key is never read, so it can be kept elsewhere. Options given here go before those of stele.toml.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The folder of the log, made by stele init
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Listen here instead of listen.address; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Serve /metrics here instead of listen.private, or "off"
    #[arg(long, value_name = "ADDR:PORT")]
    private: Option<String>,
    /// A proxy in front of the service ends TLS, so listening beyond loopback is safe
    #[arg(long)]
    behind_proxy: bool,
    /// What to log to standard error: error, warn, info, debug, trace, or directives
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// How a log line looks
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Print the line that says the service is ready as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let folder = DataDir::open(&args.folder)?;
    let mut config = folder.config()?;
    if let Some(address) = args.listen {
        config.listen.address = address;
    }
    if let Some(private) = &args.private {
        config.listen.private =
            parse_private(private).map_err(|why| Failure::local(format_args!("--private: {why}")))?;
    }
    config.listen.behind_proxy |= args.behind_proxy;
    if let Some(filter) = &args.log {
        config.log.level.clone_from(filter);
    }
    if let Some(format) = args.log_format {
        config.log.format = format;
    }
    telemetry::start_log(&config.log)?;
    let plan = Plan::new(&folder, config)?;
    for advice in plan.advice() {
        tracing::warn!("{advice}");
    }
    let scheme = if plan.tls.is_some() { "https" } else { "http" };
    let mut told = Ok(());
    serve::run(&folder, plan, &mut |ready| told = announce(ready, scheme, args.json, console))?;
    told?;
    Ok(Exit::Done)
}

fn announce(ready: &Ready, scheme: &str, json: bool, console: &mut Console<'_>) -> Result<(), Failure> {
    let Ready { public, private, url, log_id, size } = ready;
    if json {
        // One line, so that a script can wait for it.
        return console.line(json!({
            "listening": format!("{scheme}://{public}"),
            "private": private.map(|address| format!("http://{address}")),
            "url": url,
            "log_id": log_id.to_string(),
            "tree_size": size.get(),
        }));
    }
    console.line(format_args!("stele: serving {url} on {scheme}://{public}, log {log_id}, {size} entries"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofs::{EntryId, TreeSize};

    #[test]
    fn the_ready_line_says_where_which_log_and_how_long() {
        let ready = Ready {
            public: "127.0.0.1:8080".parse().unwrap(),
            private: None,
            url: "https://ts.example".to_owned(),
            log_id: EntryId::from_bytes([0xab; 32]),
            size: TreeSize::new(3),
        };
        let said = |json| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            announce(&ready, "http", json, &mut Console::new(&mut out, &mut err)).unwrap();
            String::from_utf8(out).unwrap()
        };
        let id = "ab".repeat(32);
        assert_eq!(
            said(false),
            format!("stele: serving https://ts.example on http://127.0.0.1:8080, log {id}, 3 entries\n")
        );
        let line: serde_json::Value = serde_json::from_str(&said(true)).unwrap();
        assert_eq!(line["listening"], "http://127.0.0.1:8080");
        assert_eq!(said(true).lines().count(), 1);
    }
}
