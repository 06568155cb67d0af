//! What is told of a measurement: to people in lines, to scripts in JSON.

#[cfg(test)]
mod tests;

use super::check::Checked;
use super::load::{Watched, Yardsticks};
use super::numbers::{Spread, Summary, float, rate};
use super::{LoadArgs, What};
use crate::console::{Console, printable};
use crate::failure::{Exit, Failure};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// One repetition, in numbers.
#[derive(Debug)]
pub(super) struct Repetition {
    requests: u64,
    done: u64,
    seconds: f64,
    rate: f64,
    ran_out: bool,
    answered_bytes: u64,
    latency: Summary,
    errors: BTreeMap<String, u64>,
    examples: BTreeMap<String, Vec<u8>>,
    client_cpu: Option<f64>,
    server_cpu: Option<f64>,
    memory: Option<f64>,
    peak: Option<f64>,
    rounds: Option<f64>,
    syncs: Option<f64>,
    checked: Checked,
}

impl Repetition {
    pub(super) fn of(run: Watched, checked: Checked) -> Self {
        let Watched { ran, before, after, client_cpu } = run;
        let between = |before: Option<f64>, after: Option<f64>| Some(after? - before?);
        Self {
            requests: ran.tally.sent,
            done: ran.tally.done,
            seconds: ran.elapsed.as_secs_f64(),
            rate: rate(ran.tally.in_time, ran.window),
            ran_out: ran.ran_out,
            answered_bytes: ran.tally.bytes,
            latency: ran.tally.latencies.summary(),
            errors: ran.tally.errors,
            examples: ran.tally.examples,
            client_cpu,
            server_cpu: between(before.cpu_seconds, after.cpu_seconds),
            memory: after.memory,
            peak: after.peak,
            rounds: between(before.rounds, after.rounds),
            syncs: between(before.syncs, after.syncs),
            checked,
        }
    }

    /// How a command ends that measured these.
    pub(super) fn verdict(all: &[Self]) -> Result<Exit, Failure> {
        if let Some(why) = all.iter().find_map(|repetition| repetition.checked.first.as_ref()) {
            return Err(Failure::refused(format_args!("an answer does not prove what it should: {why}")));
        }
        if all.iter().all(|repetition| repetition.done == 0) {
            let kind = all.iter().find_map(|repetition| repetition.errors.keys().next());
            let kind = kind.map_or("nothing was asked", String::as_str);
            return Err(Failure::unreachable(format_args!("no request was answered well: {kind}")));
        }
        Ok(Exit::Done)
    }

    fn failed(&self) -> u64 {
        self.errors.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Microseconds of processor for each thing done.
    fn micros(&self, cpu: Option<f64>) -> Option<f64> {
        cpu.filter(|_| self.done > 0).map(|seconds| seconds * 1e6 / float(self.done))
    }

    /// Every figure that has a middle over the repetitions.
    fn figures(&self) -> Vec<(String, Option<f64>)> {
        let mut figures = vec![("rate".to_owned(), Some(self.rate))];
        let latency = |(name, value): (&str, f64)| (format!("latency_{name}_ms"), Some(value));
        figures.extend(self.latency.millis().into_iter().filter(|_| self.latency.count > 0).map(latency));
        let further = [
            ("errors", Some(float(self.failed()))),
            ("server_cpu_us_each", self.micros(self.server_cpu)),
            ("client_cpu_us_each", self.micros(self.client_cpu)),
            ("server_cores", self.server_cpu.map(|cpu| cpu / self.seconds.max(1e-9))),
            ("client_cores", self.client_cpu.map(|cpu| cpu / self.seconds.max(1e-9))),
            ("server_memory_bytes", self.memory),
            ("server_peak_memory_bytes", self.peak),
            ("rounds", self.rounds),
            ("fdatasyncs", self.syncs),
            ("done_per_round", self.rounds.filter(|n| *n > 0.0).map(|n| float(self.done) / n)),
        ];
        figures.extend(further.map(|(name, value)| (name.to_owned(), value)));
        figures
    }

    pub(super) fn json(&self) -> Value {
        let mut value: Map<String, Value> =
            self.figures().into_iter().map(|(name, value)| (name, json!(value))).collect();
        let text = |(kind, body): (&String, &Vec<u8>)| (kind.clone(), json!(printable(&shown(body))));
        value.insert("requests".to_owned(), json!(self.requests));
        value.insert("done".to_owned(), json!(self.done));
        value.insert("seconds".to_owned(), json!(self.seconds));
        value.insert("ran_out_of_statements".to_owned(), json!(self.ran_out));
        value.insert("answered_bytes".to_owned(), json!(self.answered_bytes));
        value.insert("errors_by_kind".to_owned(), json!(self.errors));
        value.insert("examples".to_owned(), self.examples.iter().map(text).collect());
        value.insert("verified".to_owned(), json!(self.checked.verified));
        value.insert("wrong".to_owned(), json!(self.checked.wrong));
        Value::Object(value)
    }
}

impl fmt::Display for Repetition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |latency: std::time::Duration| latency.as_secs_f64() * 1e3;
        let Summary { p50, p99, max, .. } = self.latency;
        write!(
            f,
            "{:.0} a second, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            self.rate,
            ms(p50),
            ms(p99),
            ms(max)
        )?;
        if let Some(micros) = self.micros(self.server_cpu) {
            write!(f, ", server {micros:.1} us each")?;
        }
        if let Some(micros) = self.micros(self.client_cpu) {
            write!(f, ", client {micros:.1} us each")?;
        }
        write!(f, ", {} errors, {} verified", self.failed(), self.checked.verified)?;
        if self.checked.wrong > 0 {
            write!(f, ", {} WRONG", self.checked.wrong)?;
        }
        Ok(())
    }
}

/// The middle and range of every figure that was measured.
pub(super) fn spreads(repetitions: &[Repetition]) -> Vec<(String, Spread)> {
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    for (name, value) in repetitions.iter().flat_map(Repetition::figures) {
        let Some(value) = value else { continue };
        match columns.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => columns.push((name, vec![value])),
        }
    }
    columns.into_iter().filter_map(|(name, values)| Some((name, Spread::of(values)?))).collect()
}

/// The start of an answer, as text.
fn shown(body: &[u8]) -> String {
    const MOST: usize = 300;
    String::from_utf8_lossy(body.get(..MOST).unwrap_or(body)).into_owned()
}

/// All of it.
pub(super) struct Report<'a> {
    pub(super) args: &'a LoadArgs,
    pub(super) url: String,
    pub(super) statement_bytes: Option<usize>,
    pub(super) yardstick: Yardsticks,
    pub(super) repetitions: Vec<Repetition>,
}

impl Report<'_> {
    /// Tells it, and says how the command ends.
    pub(super) fn tell(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        if self.args.json {
            console.json(&self.json())?;
        } else {
            self.lines(console)?;
        }
        for (kind, hint) in
            [("HTTP 429", "limits.rate_requests"), ("HTTP 503", "limits.registrations_in_flight")]
        {
            if self.repetitions.iter().any(|repetition| repetition.errors.contains_key(kind)) {
                console.say(format_args!("note: the service answered {kind}; see {hint} in its stele.toml"));
            }
        }
        Repetition::verdict(&self.repetitions)
    }

    fn what(&self) -> &'static str {
        match self.args.read {
            None if self.args.batch.is_some() => "registrations in batches",
            None => "registrations",
            Some(What::Receipt) => "receipts",
            Some(What::Tile) => "tiles",
            Some(What::Checkpoint) => "checkpoints",
        }
    }

    pub(super) fn json(&self) -> Value {
        let args = self.args;
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
        let spreads: Map<String, Value> =
            spreads(&self.repetitions).into_iter().map(|(name, spread)| (name, spread.json())).collect();
        let repetitions: Vec<Value> = self.repetitions.iter().map(Repetition::json).collect();
        let (before, after) = self.yardstick.unzip();
        json!({
            "what": self.what(),
            "url": self.url,
            "version": env!("CARGO_PKG_VERSION"),
            "cores": cores,
            "concurrency": args.concurrency,
            "threads": args.threads,
            "duration_s": args.duration,
            "rate_per_s": args.rate,
            "batch": args.batch,
            "alg": args.alg.name(),
            "issuers": args.issuers,
            "payload_bytes": args.payload_bytes,
            "statement_bytes": self.statement_bytes,
            "yardstick_before_ms": before.map(|summary| summary.json()),
            "yardstick_after_ms": after.map(|summary| summary.json()),
            "summary": spreads,
            "repetitions": repetitions,
        })
    }

    fn lines(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        console.line(format_args!(
            "{} of {}, {} connections, {} x {} s: median (range)",
            self.what(),
            self.url,
            self.args.concurrency,
            self.repetitions.len(),
            self.args.duration
        ))?;
        for (name, spread) in spreads(&self.repetitions) {
            console.line(format_args!("{name:26} {spread}"))?;
        }
        if let Some((before, after)) = &self.yardstick {
            let ms = |summary: &Summary| summary.p50.as_secs_f64() * 1e3;
            console.line(format_args!(
                "{:26} {:.3} before, {:.3} after",
                "yardstick_p50_ms",
                ms(before),
                ms(after)
            ))?;
        }
        Ok(())
    }
}
