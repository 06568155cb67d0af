//! Records that nobody signed: AIGP events through `POST /evidence` as NDJSON, a result line for each.
//!
//! Events are made as the published AIGP client writes them, while they are sent; results are read at the same time, as
//! the door asks. What a sample of them says is verified after the clock has stopped: that the statement holds exactly
//! the event, and that its receipt proves it.

mod events;
mod stream;
#[cfg(test)]
mod tests;

use super::check::{Checked, Verifier};
use super::engine::{Ran, Tally};
use super::jobs::{Keep, Place};
use super::load::{self, Watched};
use super::report::{Repetition, spreads};
use super::server::Watch;
use crate::commands::policy::InForce;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::http::{Client, Service, Transport};
use events::Events;
use proofs::{KeySet, SignedStatement};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stream::Stream;
use url::Url;

/// Results verified of a repetition.
const SAMPLE: u64 = 200;

/// Measure the door for records that nobody signed: AIGP events a second as NDJSON
///
/// Each connection sends its share of the events as one stream, without end until it has sent them all, and reads a
/// result for each meanwhile. The service has to know the producer: name the digest of its token, made by stele token
/// new, in [[evidence.producers]] of its stele.toml, and set limits.rate_requests to 0, or the streams wait for the
/// rate. Never do this to a log that matters: what is registered stays.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    /// Address of the transparency service, http://HOST:PORT
    #[arg(long, value_name = "URL")]
    url: Url,
    #[command(flatten)]
    transport: Transport,
    /// File with the producer's token
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// Events of each repetition, over all connections
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    events: u64,
    /// Connections, each with one stream; the service takes evidence.streams of them
    #[arg(long, value_name = "C", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// How often the measurement is repeated
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repetitions: u16,
    /// The service's process on this machine, for its processor time and peak memory
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Where the service shows its metrics, for its processor time, rounds and syncs
    #[arg(long, value_name = "URL")]
    metrics_url: Option<Url>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let service = Service { url: args.url.clone(), transport: args.transport.clone() };
    let client = Client::of(&service)?;
    let in_force = InForce::fetch(&client)?;
    let keys = KeySet::parse(&client.fetch(".well-known/scitt-keys", "application/cbor")?)
        .map_err(|error| Failure::refused(format_args!("the service's keys cannot be read: {error}")))?;
    let verifier = Verifier { keys, service: in_force.iss };
    let watch = Watch::new(args.metrics_url.as_ref(), args.server_pid, &args.transport)?;
    let token = files::read_text(&args.token)?;
    let stream = Stream {
        address: load::address(&args.url)?,
        place: Place::of(&args.url),
        token: token.trim().to_owned(),
        patience: Duration::from_secs(args.transport.request_timeout),
        keep: Keep::sample(args.events, SAMPLE),
    };
    let mut repetitions = Vec::new();
    for number in 1..=args.repetitions {
        let events = Events::fresh();
        let run = watched(args, &watch, &stream, &events)?;
        let checked = verify(&client, &verifier, &events, &run.ran.tally.kept)?;
        let repetition = Repetition::of(run, checked);
        console.say(format_args!("{number} of {}: {repetition}", args.repetitions));
        repetitions.push(repetition);
    }
    tell(args, &repetitions, console)
}

/// One repetition, from the first byte sent to the last result read.
fn watched(args: &Args, watch: &Watch, stream: &Stream, events: &Events) -> Result<Watched, Failure> {
    let before = watch.sample()?;
    let own = watch.own_cpu_seconds();
    let began = Instant::now();
    let shares = shares(args.events, args.concurrency);
    let tallies = std::thread::scope(|scope| {
        let streams: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || stream.run(events, share))).collect();
        let join = |stream: std::thread::ScopedJoinHandle<'_, Result<Tally, Failure>>| {
            stream.join().unwrap_or_else(|_| Err(Failure::local("a stream failed in a way nobody foresaw")))
        };
        streams.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let elapsed = began.elapsed();
    let mut tally = Tally::new()?;
    tallies.into_iter().for_each(|other| tally.add(other));
    let client_cpu = watch.own_cpu_seconds().zip(own).map(|(after, before)| after - before);
    let ran = Ran { tally, elapsed, window: elapsed, ran_out: false };
    Ok(Watched { ran, before, after: watch.sample()?, client_cpu })
}

/// The events of each connection: whole chains of events, and all of them.
fn shares(events: u64, connections: u16) -> Vec<std::ops::Range<u64>> {
    let connections = u64::from(connections.max(1));
    let each = events.div_ceil(connections).next_multiple_of(events::CHAIN);
    let from = |n: u64| n.saturating_mul(each).min(events);
    (0..connections).map(|n| from(n)..from(n.saturating_add(1))).filter(|share| !share.is_empty()).collect()
}

/// Whether results are what they say, and about the events that were sent.
fn verify(
    client: &Client,
    verifier: &Verifier,
    events: &Events,
    kept: &[(u64, Vec<u8>)],
) -> Result<Checked, Failure> {
    let (mut checked, mut statements, mut receipts) = (Checked::default(), Vec::new(), Vec::new());
    for (n, result) in kept {
        match proven(client, events, *n, result)? {
            Ok((statement, receipt)) => {
                receipts.push((u64::try_from(statements.len()).unwrap_or(u64::MAX), receipt));
                statements.push(statement);
            }
            Err(why) => checked.note(Err(why)),
        }
    }
    let receipts = verifier.receipts(&statements, &receipts)?;
    Ok(Checked {
        wrong: checked.wrong.saturating_add(receipts.wrong),
        first: checked.first.or(receipts.first),
        ..receipts
    })
}

type Proven = Result<(Vec<u8>, Vec<u8>), String>;

/// The statement that came of event `n`, and the receipt of its result.
fn proven(client: &Client, events: &Events, n: u64, result: &[u8]) -> Result<Proven, Failure> {
    let Ok(result) = serde_json::from_slice::<Value>(result) else {
        return Ok(Err("a result is no JSON".to_owned()));
    };
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
    let Ok(receipt) = data_encoding::BASE64.decode(text("receipt").as_bytes()) else {
        return Ok(Err("a receipt is no base64".to_owned()));
    };
    let statement = client.fetch(&format!("statements/{}", text("entry_id")), "application/cose")?;
    let mut event = Vec::new();
    events.write(n, &mut event);
    let same = SignedStatement::parse(&statement, statement.len()).is_ok_and(|it| it.payload() == event);
    Ok(if same { Ok((statement, receipt)) } else { Err(format!("the entry of event {n} holds another")) })
}

fn tell(args: &Args, repetitions: &[Repetition], console: &mut Console<'_>) -> Result<Exit, Failure> {
    let summary = spreads(repetitions);
    if args.json {
        let spreads: Map<String, Value> =
            summary.into_iter().map(|(name, spread)| (name, spread.json())).collect();
        console.json(&json!({
            "what": "records as NDJSON",
            "version": env!("CARGO_PKG_VERSION"),
            "url": args.url.to_string(),
            "events": args.events,
            "concurrency": args.concurrency,
            "summary": spreads,
            "repetitions": repetitions.iter().map(Repetition::json).collect::<Vec<_>>(),
        }))?;
    } else {
        for (name, spread) in summary {
            console.line(format_args!("{name:26} {spread}"))?;
        }
    }
    Repetition::verdict(repetitions)
}
