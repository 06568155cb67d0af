use super::*;

const TEXT: &str = "\
# HELP stele_rounds_total How many rounds.
# TYPE stele_rounds_total counter
stele_rounds_total 12
stele_rounds_total_of_others 99
process_cpu_seconds_total 3.5
process_resident_memory_bytes 1.5e6
process_peak_resident_memory_bytes 2.5e6
stele_store_syncs_total{kind=\"a} b\"} 4 1700000000000
stele_store_syncs_total{kind=\"b\"} 5
";

#[test]
fn metrics_are_summed_over_labels_and_never_confused() {
    let sample = from_metrics(TEXT);
    let seen = Sample {
        cpu_seconds: Some(3.5),
        memory: Some(1.5e6),
        peak: Some(2.5e6),
        rounds: Some(12.0),
        syncs: Some(9.0),
    };
    assert_eq!(sample, seen);
    assert_eq!(from_metrics(""), Sample::default());
}

#[test]
fn the_system_tells_memory_in_kilobytes() {
    let status = "Name:\tstele\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
    assert_eq!(kilobytes(status, "VmHWM:"), Some(2_097_152.0));
    assert_eq!(kilobytes(status, "VmRSS:"), Some(1_048_576.0));
    assert_eq!(kilobytes(status, "VmSwap:"), None);
}

#[test]
fn a_process_is_watched_and_one_that_is_not_there_is_said() {
    let transport = Transport { tls_ca: None, request_timeout: 1 };
    let watch = Watch::new(None, Some(std::process::id()), &transport).unwrap();
    let sample = watch.sample().unwrap();
    assert!(sample.cpu_seconds.is_some() && sample.peak >= sample.memory);
    assert!(watch.own_cpu_seconds() >= sample.cpu_seconds);
    // The highest pid there can be is 2^22.
    let failure = Watch::new(None, Some(1 << 30), &transport).err().unwrap();
    assert!(failure.message.contains("/proc/1073741824/stat"), "{}", failure.message);
}
