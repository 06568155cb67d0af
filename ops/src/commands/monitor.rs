//! `stele monitor`: follows a log for ever, and says what is in it.

mod deliver;
mod event;
mod follow;
mod metrics;
mod rules;
mod state;
#[cfg(test)]
mod tests;

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::http::Transport;
use crate::watch::{HttpSource, Trust, TrustArgs};
use deliver::Receivers;
use follow::Monitor;
use metrics::MonitorMetrics;
use rules::Rules;
use state::StateFile;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Follow a log: verify every head, read every new entry, report what a rules file asks for
///
/// Each checkpoint has to be signed by the pinned key, cosigned by the quorum of a policy if one is given, and to
/// continue all that were seen before, as computed from the log's own tiles. Entries are proven against it; with --rules
/// their statements are fetched and looked at. Reports are lines of JSON on standard output and, with --webhook, one
/// POST each. A monitor that is killed goes on where it was without a gap; it may report something twice, with the
/// same id.
///
/// When the log signs two heads that cannot both be true, both are kept as evidence and the monitor ends with exit code
/// 4, then and whenever it is started again on that state.
///
/// A rules file is TOML: tables `[[rule]]` with a name and any of issuer, subject, content_type, entry_id, index_term and
/// finding (lists: one member has to be equal), issuer_regex, subject_regex, payload_regex, and control = true for the
/// log's own statements that change or tell something. All that a rule names have to hold.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Address of the log: what stands in front of /checkpoint
    #[arg(long, value_name = "URL")]
    url: Url,
    /// Where to keep what is known of the log
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    transport: Transport,
    /// A file with the bearer token for those who may read statements
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What to look for; without it only heads and entries are followed
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// POST each report to this address too, until it is taken
    #[arg(long, value_name = "URL")]
    webhook: Option<Url>,
    /// Where to keep the heads of a log that contradicts itself [default: FILE.evidence beside the state]
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// Serve metrics for Prometheus at /metrics of this address
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// Look at the log every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
    /// Look once, report what is new, and end
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let trust = Trust::of(&args.trust)?;
    let rules = args.rules.as_deref().map_or_else(|| Ok(Rules::none()), Rules::read)?;
    let source = HttpSource::new(&args.url, &args.transport)?.with_token(args.token_file.as_deref())?;
    let (mut keep, mut state) = StateFile::open(&args.state, trust.origin())?;
    let evidence = args.evidence.clone().unwrap_or_else(|| {
        let mut name = args.state.clone().into_os_string();
        name.push(".evidence");
        name.into()
    });
    let metrics = MonitorMetrics::new(&metrics::serve(args.metrics)?)?;
    let mut out = std::io::stdout();
    let mut sink = Receivers::new(&mut out, args.webhook.as_ref(), &args.transport)?;
    let mut monitor = Monitor {
        source: &source,
        statements: &source,
        trust: &trust,
        rules: &rules,
        sink: &mut sink,
        keep: &mut keep,
        evidence: &evidence,
        metrics: &metrics,
    };
    loop {
        let ended = monitor.round(&mut state);
        monitor.metrics.round(outcome(&ended));
        match ended {
            Ok(()) if args.once => return Ok(Exit::Done),
            Ok(()) => {}
            Err(failure) if args.once || ends(&failure) => return Err(failure),
            Err(failure) => console.fail(&failure),
        }
        std::thread::sleep(Duration::from_secs(args.interval));
    }
}

/// Whether nothing would be different the next time.
fn ends(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::Contradicted | Exit::Local)
}

fn outcome(ended: &Result<(), Failure>) -> &'static str {
    match ended.as_ref().map_err(|failure| failure.exit) {
        Ok(()) | Err(Exit::Done) => "followed",
        Err(Exit::Refused) => "not_verified",
        Err(Exit::Local) => "local_problem",
        Err(Exit::Unreachable) => "unreachable",
        Err(Exit::Contradicted) => "contradicted",
    }
}
