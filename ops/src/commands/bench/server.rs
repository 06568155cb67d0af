//! What the service says it has used, or what the system says of its process.

#[cfg(test)]
mod tests;

use super::numbers::float;
use crate::failure::Failure;
use crate::http::{Client, Transport};
use crate::telemetry::cpu_time;
use anyhow::Context;
use std::fs;
use url::Url;

/// Under what names a service tells what it has used.
const SYNCS: &str = "stele_store_syncs_total";
const ROUNDS: &str = "stele_rounds_total";
const CPU: &str = "process_cpu_seconds_total";
const MEMORY: &str = "process_resident_memory_bytes";
const PEAK: &str = "process_peak_resident_memory_bytes";

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
            sample.cpu_seconds = self.cpu_seconds(&read("stat")?);
            let status = read("status")?;
            sample.memory = kilobytes(&status, "VmRSS:");
            sample.peak = kilobytes(&status, "VmHWM:");
        }
        Ok(sample)
    }

    /// The processor time of this process so far.
    pub(super) fn own_cpu_seconds(&self) -> Option<f64> {
        self.cpu_seconds(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn cpu_seconds(&self, stat: &str) -> Option<f64> {
        cpu_time(stat, self.ticks).map(|used| used.as_secs_f64())
    }
}

fn from_metrics(text: &str) -> Sample {
    Sample {
        cpu_seconds: metric(text, CPU),
        memory: metric(text, MEMORY),
        peak: metric(text, PEAK),
        rounds: metric(text, ROUNDS),
        syncs: metric(text, SYNCS),
    }
}

/// The value of this metric if it is there, over all its labels (Prometheus text format).
fn metric(text: &str, name: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once('}')?.1,
            None => rest,
        };
        rest.strip_prefix(' ')?.split_whitespace().next()?.parse::<f64>().ok()
    });
    values.reduce(|sum, value| sum + value)
}

/// A line of `/proc/PID/status`, in bytes.
fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(float(number) * 1024.0)
}
