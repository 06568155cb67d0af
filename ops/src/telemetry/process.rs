//! What the process takes of the machine, under the names that every Prometheus client library uses.
//!
//! Read when somebody asks, from `/proc/self`; a number that the system does not give stays as it was.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge};
use std::fs;

pub(super) struct Process {
    ticks: u32,
    cpu: Counter,
    resident: IntGauge,
    peak: IntGauge,
    open_files: IntGauge,
    max_files: IntGauge,
    threads: IntGauge,
}

impl Process {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            ticks: u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100).max(1),
            cpu: Counter::new(
                "process_cpu_seconds_total",
                "How many seconds of processor time the process has used, in user and system mode.",
            )?,
            resident: IntGauge::new(
                "process_resident_memory_bytes",
                "How many bytes of memory the process holds now.",
            )?,
            peak: IntGauge::new(
                "process_peak_resident_memory_bytes",
                "How many bytes of memory the process held at most since it started.",
            )?,
            open_files: IntGauge::new(
                "process_open_fds",
                "How many file descriptors the process has open, connections included.",
            )?,
            max_files: IntGauge::new(
                "process_max_fds",
                "How many file descriptors the process may have open.",
            )?,
            threads: IntGauge::new("process_threads", "How many threads the process has.")?,
        })
    }

    fn read(&self) {
        if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_ticks) {
            let seconds = f64::from(ticks) / f64::from(self.ticks);
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            let show = |gauge: &IntGauge, name, unit| {
                if let Some(value) = line(&status, name) {
                    gauge.set(value.saturating_mul(unit));
                }
            };
            show(&self.resident, "VmRSS:", 1024);
            show(&self.peak, "VmHWM:", 1024);
            show(&self.threads, "Threads:", 1);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // The folder that is being read is one of them.
            self.open_files.set(i64::try_from(open.count().saturating_sub(1)).unwrap_or(i64::MAX));
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        self.max_files.set(limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX)));
    }

    fn parts(&self) -> [&dyn Collector; 6] {
        [&self.cpu, &self.resident, &self.peak, &self.open_files, &self.max_files, &self.threads]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.parts().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        self.parts().into_iter().flat_map(Collector::collect).collect()
    }
}

/// User and system time in `/proc/PID/stat`. The name of the process, in parentheses, may hold anything.
fn cpu_ticks(stat: &str) -> Option<u32> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    user.checked_add(system)
}

/// The number in a line of `/proc/PID/status`.
fn line(status: &str, name: &str) -> Option<i64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let stat = "1 (a) b) c) S 1 1 1 0 -1 4194304 1 2 3 4 25 17 6 7 20 0 3 0 100 1 1";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("1 (a"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let process = Process::new().unwrap();
        let families = process.collect();
        assert_eq!(families.len(), process.desc().len());
        assert!(process.resident.get() > 1 << 20 && process.peak.get() >= process.resident.get());
        assert!(process.open_files.get() >= 3 && process.max_files.get() > process.open_files.get());
        assert!(process.threads.get() >= 1);
        let before = process.cpu.get();
        process.collect();
        assert!(process.cpu.get() >= before, "it never goes back");
    }
}
