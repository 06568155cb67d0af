//! What the process takes of the machine, under the names that every Prometheus client library uses.
//!
//! Read when somebody asks, from `/proc/self`; a number that the system does not give stays as it was.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge};
use std::fs;
use std::time::Duration;

pub(super) struct Process {
    ticks: u64,
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
            ticks: rustix::param::clock_ticks_per_second(),
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
        let stat = fs::read_to_string("/proc/self/stat").ok();
        if let Some(used) = stat.and_then(|stat| cpu_time(&stat, self.ticks)) {
            self.cpu.inc_by((used.as_secs_f64() - self.cpu.get()).max(0.0));
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

/// User and system time in `/proc/PID/stat`, which counts them in ticks, so many a second. The name of the process, in
/// parentheses, may hold anything.
pub(crate) fn cpu_time(stat: &str, ticks: u64) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (used, ticks) = (user.checked_add(system)?, ticks.max(1));
    let nanos = (used % ticks).checked_mul(1_000_000_000)? / ticks;
    Some(Duration::new(used / ticks, u32::try_from(nanos).ok()?))
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
        assert_eq!(cpu_time(stat, 100), Some(Duration::from_millis(420)));
        assert_eq!(cpu_time(stat, 0), Some(Duration::from_secs(42)));
        assert_eq!(cpu_time("1 (a", 100), None);
        assert_eq!(cpu_time("1 (a) S 1 2", 100), None);
    }

    /// At 100 ticks a second, 32 bits are full after 497 days of one core.
    #[test]
    fn a_process_may_run_for_years() {
        let stat = "1 (a) S 1 1 1 0 -1 4194304 1 2 3 4 4294967295 8589934605 6 7 20 0 3 0 100 1 1";
        assert_eq!(cpu_time(stat, 100), Some(Duration::from_secs(128_849_019)));
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
