//! Against a small service in the test's own process. What is asserted is who was asked and counted, never how fast.

use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Answers every request of one byte by what `answer` says to its number, on any number of connections.
fn service(
    answer: impl Fn(u64) -> Option<&'static [u8]> + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
    let (answer, counter) = (Arc::new(answer), Arc::clone(&asked));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer, counter) = (stream.unwrap(), Arc::clone(&answer), Arc::clone(&counter));
            std::thread::spawn(move || {
                while stream.read_exact(&mut [0]).is_ok() {
                    match answer(counter.fetch_add(1, Ordering::SeqCst)) {
                        Some(text) if stream.write_all(text).is_ok() => {}
                        _ => return,
                    }
                }
            });
        }
    });
    (address, asked)
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";
const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy";

/// A byte for each request, up to a number of them.
struct Bytes(u64);

impl Requests for Bytes {
    fn write(&self, n: u64, request: &mut Vec<u8>) -> bool {
        request.clear();
        request.push(b'?');
        n < self.0
    }

    fn read(&self, n: u64, answer: &Answer<'_>, tally: &mut Tally) {
        if answer.status == 200 {
            tally.done += 1;
            tally.kept.push((n, answer.body.to_vec()));
        } else {
            tally.error(format!("HTTP {}", answer.status), answer.body);
        }
    }
}

fn plan(address: SocketAddr) -> Plan {
    Plan {
        address,
        connections: 5,
        threads: 2,
        duration: Duration::from_secs(600),
        rate: None,
        grace: Duration::from_secs(600),
    }
}

fn load(plan: Plan, requests: u64) -> Ran {
    let requests: Arc<dyn Requests> = Arc::new(Bytes(requests));
    run(plan, &requests, &|| {}).unwrap()
}

#[test]
fn every_request_is_asked_once_and_every_answer_counted() {
    let (address, asked) = service(|n| Some(if n % 10 == 3 { BUSY } else { GOOD }));
    let Ran { tally, ran_out, window, elapsed } = load(plan(address), 200);
    assert!(ran_out, "there was nothing left to ask");
    assert_eq!(window, elapsed);
    assert_eq!(asked.load(Ordering::SeqCst), 200);
    assert_eq!((tally.sent, tally.done, tally.in_time), (200, 180, 180));
    assert_eq!(tally.latencies.summary().count, 180, "refusals are no latencies");
    assert_eq!(tally.errors, BTreeMap::from([("HTTP 503".to_owned(), 20)]));
    assert_eq!(tally.examples["HTTP 503"], b"busy");
    assert_eq!(tally.bytes, 4 * 180);
}

#[test]
fn an_open_loop_asks_as_often_as_it_was_told_to() {
    let (address, asked) = service(|_| Some(GOOD));
    let duration = Duration::from_millis(200);
    let plan = Plan { rate: NonZeroU64::new(500), duration, connections: 2, threads: 1, ..plan(address) };
    let Ran { tally, ran_out, window, .. } = load(plan, u64::MAX);
    assert!(!ran_out);
    assert_eq!(window, duration);
    assert_eq!((tally.sent, tally.done, asked.load(Ordering::SeqCst)), (100, 100, 100));
    let mut numbers: Vec<u64> = tally.kept.iter().map(|(n, _)| *n).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_stall_counts_for_everyone_who_was_due_meanwhile() {
    // The first answer comes only after all others are due; the only connection could not ask before.
    let (address, _) = service(move |n| {
        if n == 0 {
            std::thread::park_timeout(Duration::from_millis(400));
        }
        Some(GOOD)
    });
    let duration = Duration::from_millis(100);
    let plan = Plan { rate: NonZeroU64::new(100), duration, connections: 1, threads: 1, ..plan(address) };
    let Ran { tally, .. } = load(plan, u64::MAX);
    assert_eq!(tally.done, 10);
    let median = tally.latencies.summary().p50;
    assert!(median >= Duration::from_millis(250), "the stall is hidden: {median:?}");
}

#[test]
fn a_service_that_never_answers_ends_with_the_grace() {
    let (address, _) = service(|_| {
        loop {
            std::thread::park();
        }
    });
    let short = Duration::from_millis(50);
    let Ran { tally, .. } = load(Plan { duration: short, grace: short, ..plan(address) }, u64::MAX);
    assert_eq!(tally.done, 0);
    assert!(tally.sent <= 5, "a connection asks one thing at a time");
    assert_eq!(tally.errors.get("no answer in time").copied().unwrap_or(0), tally.sent);

    let open = Plan { duration: short, grace: short, rate: NonZeroU64::new(1000), ..plan(address) };
    let Ran { tally, .. } = load(open, u64::MAX);
    let unanswered = tally.errors.get("no answer in time").copied().unwrap_or(0);
    let unsent = tally.errors["due, and no connection was free to send it"];
    assert_eq!((unanswered, unanswered + unsent), (tally.sent, 50));
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let (address, asked) = service(|n| (n != 7).then_some(GOOD));
    let Ran { tally, .. } = load(plan(address), 50);
    assert_eq!((tally.sent, tally.done, asked.load(Ordering::SeqCst)), (50, 49, 50));
    assert_eq!(tally.errors, BTreeMap::from([("connection closed".to_owned(), 1)]));
}

#[test]
fn nobody_there_is_an_error_of_every_request() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Ran { tally, .. } = load(plan(address), 6);
    assert_eq!(tally.errors, BTreeMap::from([("cannot connect: connection refused".to_owned(), 6)]));
    assert_eq!(tally.done, 0);
}

#[test]
fn kinds_of_error_are_bounded() {
    let mut tally = Tally::new().unwrap();
    for n in 0..1000 {
        tally.error(format!("kind {n}"), b"text");
    }
    assert_eq!(tally.errors.len(), MAX_KINDS + 1);
    assert_eq!(tally.errors["others"], 1000 - u64::try_from(MAX_KINDS).unwrap());
}

#[test]
fn requests_are_due_at_even_distances() {
    let rate = NonZeroU64::new(3).unwrap();
    assert_eq!(pace::due(rate, 0), Duration::ZERO);
    assert_eq!(pace::due(rate, 3), Duration::from_secs(1));
    assert_eq!(pace::due(rate, 1).as_nanos(), 333_333_333);
    for (time, total) in [(0, 0), (1, 1), (333, 1), (334, 2), (1000, 3), (1001, 4)] {
        assert_eq!(pace::total(rate, Duration::from_millis(time)), total, "{time} ms");
    }
    assert_eq!(pace::total(NonZeroU64::MAX, Duration::MAX), u64::MAX);
}
