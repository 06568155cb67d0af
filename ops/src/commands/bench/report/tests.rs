use super::*;
use crate::commands::bench::engine::{Ran, Tally};
use crate::commands::bench::server::Sample;
use crate::commands::bench::tests::load_args;
use std::time::Duration;

/// A repetition in which `done` requests were answered in two seconds.
fn repetition(done: u64, checked: Checked) -> Repetition {
    let mut tally = Tally::new().unwrap();
    (tally.sent, tally.done, tally.in_time) = (done + 1, done, done);
    tally.error("HTTP 503".to_owned(), b"busy\x1b[31m");
    (0..done).for_each(|_| tally.latencies.record(Duration::from_millis(3)));
    let two = Duration::from_secs(2);
    let ran = Ran { tally, elapsed: two, window: two, ran_out: false };
    let sample = |cpu: f64, rounds: f64| Sample {
        cpu_seconds: Some(cpu),
        memory: Some(10.0),
        peak: Some(20.0),
        rounds: Some(rounds),
        syncs: None,
    };
    Repetition::of(
        Watched { ran, before: sample(1.0, 5.0), after: sample(1.5, 7.0), client_cpu: Some(0.25) },
        checked,
    )
}

fn told(repetitions: Vec<Repetition>, json: bool) -> (Result<Exit, Failure>, String) {
    let mut args = load_args(&["--url", "http://127.0.0.1:1"]);
    args.json = json;
    let report = Report {
        args: &args,
        url: "http://ts.example/".into(),
        statement_bytes: Some(650),
        yardstick: None,
        repetitions,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = report.tell(&mut Console::new(&mut out, &mut err));
    (exit, String::from_utf8(out).unwrap())
}

#[test]
fn figures_are_middles_and_ranges_over_the_repetitions() {
    let good = |done| repetition(done, Checked { verified: 1, wrong: 0, first: None });
    let (exit, text) = told(vec![good(100), good(400), good(200)], true);
    assert_eq!(exit.unwrap(), Exit::Done);
    let value: Value = serde_json::from_str(&text).unwrap();
    let summary = &value["summary"];
    assert_eq!(summary["rate"], json!({ "median": 100.0, "min": 50.0, "max": 200.0 }));
    assert_eq!(summary["server_cpu_us_each"]["median"], json!(2500.0));
    assert_eq!(summary["client_cpu_us_each"]["median"], json!(1250.0));
    assert_eq!(summary["done_per_round"]["median"], json!(100.0));
    assert_eq!(summary["errors"]["max"], json!(1.0));
    assert_eq!(summary.get("fdatasyncs"), None, "what was not measured is not told");
    assert_eq!(value["repetitions"][1]["done"], json!(400));
    assert_eq!(value["repetitions"][1]["errors_by_kind"]["HTTP 503"], json!(1));
    assert_eq!(value["repetitions"][0]["examples"]["HTTP 503"], json!("busy\\u{1b}[31m"));
    assert_eq!(value["statement_bytes"], json!(650));
}

#[test]
fn one_wrong_receipt_fails_the_run() {
    let wrong = Checked { verified: 99, wrong: 1, first: Some("inclusion: FAILED".to_owned()) };
    let (exit, _) = told(vec![repetition(100, Checked::default()), repetition(100, wrong)], false);
    let failure = exit.unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    assert_eq!(failure.message, "an answer does not prove what it should: inclusion: FAILED");
}

#[test]
fn a_run_without_a_good_answer_fails() {
    let (exit, _) = told(vec![repetition(0, Checked::default())], false);
    let failure = exit.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert_eq!(failure.message, "no request was answered well: HTTP 503");
}

#[test]
fn people_get_lines() {
    let (exit, text) = told(vec![repetition(100, Checked::default())], false);
    assert_eq!(exit.unwrap(), Exit::Done);
    let first = text.lines().next().unwrap();
    assert_eq!(first, "registrations of http://ts.example/, 64 connections, 1 x 10 s: median (range)");
    assert!(text.lines().any(|line| line.starts_with("latency_p99.9_ms")), "{text}");
}
