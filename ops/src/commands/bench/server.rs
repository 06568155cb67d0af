//! What the service says it has used, or what the system says of its process.

#[cfg(test)]
mod tests;

use crate::failure::Failure;
use crate::http::{Client, Transport};
use anyhow::Context;
use std::fs;
use url::Url;

/// Names under which a service tells its synced writes; the first that is there counts.
const SYNCS: [&str; 2] = ["stele_store_syncs_total", "stele_wal_syncs_total"];
const ROUNDS: [&str; 1] = ["stele_rounds_total"];
const CPU: [&str; 1] = ["process_cpu_seconds_total"];
const MEMORY: [&str; 1] = ["process_resident_memory_bytes"];

/// Where a service is watched.
pub(super) struct Watch {
    metrics: Option<(Client, Url)>,
    pid: Option<u32>,
    ticks: u64,
}

/// What was seen at one moment. Counts only ever grow, so two of them tell what happened between.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) cpu_seconds: Option<f64>,
    /// Resident now.
    pub(super) memory: Option<f64>,
    /// The most that was ever resident.
    pub(super) peak: Option<f64>,
    pub(super) rounds: Option<f64>,
    pub(super) syncs: Option<f64>,
}

impl Watch {
    pub(super) fn new(
        metrics: Option<&Url>,
        pid: Option<u32>,
        transport: &Transport,
    ) -> Result<Self, Failure> {
        let metrics =
            metrics.map(|url| Ok::<_, Failure>((Client::new(url, transport)?, url.clone()))).transpose()?;
        let watch = Self { metrics, pid, ticks: rustix::param::clock_ticks_per_second() };
        watch.sample()?;
        Ok(watch)
    }

    /// Watches a process of this machine.
    pub(super) fn of_process(pid: u32) -> Result<Self, Failure> {
        let watch = Self { metrics: None, pid: Some(pid), ticks: rustix::param::clock_ticks_per_second() };
        watch.sample()?;
        Ok(watch)
    }

    /// Looks once.
    pub(super) fn sample(&self) -> Result<Sample, Failure> {
        let mut sample = match &self.metrics {
            None => Sample::default(),
            Some((client, url)) => {
                let reply = client.get(url, "text/plain")?;
                let text = String::from_utf8_lossy(&reply.body).into_owned();
                match reply.status {
                    200 => from_metrics(&text),
                    _ => {
                        return Err(Failure::unreachable(format_args!(
                            "no metrics at {url}: {}",
                            reply.problem()
                        )));
                    }
                }
            }
        };
        if let Some(pid) = self.pid {
            let read = |name: &str| {
                let path = format!("/proc/{pid}/{name}");
                fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
            };
            sample.cpu_seconds = cpu_seconds(&read("stat")?, self.ticks);
            let status = read("status")?;
            sample.memory = kilobytes(&status, "VmRSS:");
            sample.peak = kilobytes(&status, "VmHWM:");
        }
        Ok(sample)
    }

    /// The processor time of this process so far.
    pub(super) fn own_cpu_seconds(&self) -> Option<f64> {
        cpu_seconds(&fs::read_to_string("/proc/self/stat").ok()?, self.ticks)
    }
}

fn from_metrics(text: &str) -> Sample {
    Sample {
        cpu_seconds: metric(text, &CPU),
        memory: metric(text, &MEMORY),
        peak: None,
        rounds: metric(text, &ROUNDS),
        syncs: metric(text, &SYNCS),
    }
}

/// The value of the first of these metrics that is there, over all its labels (Prometheus text format).
fn metric(text: &str, names: &[&str]) -> Option<f64> {
    let value = |name: &str| {
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let rest = match rest.strip_prefix('{') {
                Some(labelled) => labelled.rsplit_once('}')?.1,
                None => rest,
            };
            rest.strip_prefix(' ')?.split_whitespace().next()?.parse::<f64>().ok()
        });
        values.reduce(|sum, value| sum + value)
    };
    names.iter().find_map(|name| value(name))
}

/// User and system time in `/proc/PID/stat`. The name of the process, in parentheses, may hold anything.
fn cpu_seconds(stat: &str, ticks: u64) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / super::numbers::float(ticks.max(1)))
}

/// A line of `/proc/PID/status`, in bytes.
fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(number) * 1024.0)
}
