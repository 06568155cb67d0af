use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use proofs::EntryId;
use storage::memory::MemoryStore;

use super::*;
use crate::error::InternalError;
use crate::registration::Wait;
use crate::settings::Settings;
use crate::testing::meddling::Meddling;
use crate::testing::{World, until};

/// What the gauges of the mailbox show: statements, and their bytes.
fn shown(mailbox: &MailboxGauges) -> (i64, i64) {
    (mailbox.entries.get(), mailbox.bytes.get())
}

/// SteleNotCommitting is for a commit that hangs: what is in its round and what waits behind it has to be seen then.
#[test]
fn what_waits_is_seen_while_a_commit_hangs_and_until_it_is_answered() {
    let armed = Arc::new(AtomicBool::new(false));
    let (began, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let (hangs, released) = (Arc::clone(&armed), Mutex::new(released));
    let store = Meddling {
        inner: MemoryStore::new(),
        meddle: Box::new(move |_| {
            if hangs.load(Ordering::SeqCst) {
                began.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
            }
        }),
    };
    let world = World::on(Arc::new(store));
    let patient = Settings { register_deadline_ms: 600_000, ..Settings::default() };
    let mut bench = world.bench(Settings { round_entries: 2, ..patient });
    let metrics = bench.ledger.shared.metrics.clone();
    assert_eq!(shown(&metrics.mailbox), (0, 0), "nothing waits");

    let statements: Vec<_> = (0..4).map(|n| world.statement(n)).collect();
    let bytes = |count: usize| i64::try_from(statements[..count].concat().len()).unwrap();
    let mut answers: Vec<_> = statements[..3].iter().map(|one| bench.submit(one.clone())).collect();
    assert_eq!(shown(&metrics.mailbox), (3, bytes(3)), "before the round");

    armed.store(true, Ordering::SeqCst);
    let rounds = metrics.rounds.get();
    let (sequencer, ledger) = (&mut bench.sequencer, bench.ledger.clone());
    thread::scope(|scope| {
        // Its end lets the commit go on, also where this test fails.
        let release = release;
        let round = scope.spawn(|| sequencer.step());
        has_begun.recv().unwrap();
        assert_eq!(shown(&metrics.mailbox), (3, bytes(3)), "two in the round that hangs, one behind it");
        let body = Bytes::from(statements[3].clone());
        answers.push(bench.runtime.spawn(async move { ledger.register(body, Wait::ForReceipt).await }));
        until("the fourth is in the mailbox", || metrics.mailbox.entries.get() != 3);
        assert_eq!(shown(&metrics.mailbox), (4, bytes(4)), "what comes meanwhile is seen at once");
        assert_eq!(metrics.rounds.get(), rounds, "and no round is counted");
        armed.store(false, Ordering::SeqCst);
        release.send(()).unwrap();
        assert!(round.join().unwrap().unwrap());
    });
    assert_eq!(metrics.mailbox.entries.get(), 2, "its round is over");
    bench.sequencer.step().unwrap();
    assert_eq!(shown(&metrics.mailbox), (0, 0), "nothing waits any more");
    for answer in answers {
        assert!(bench.answer(answer).is_ok());
    }
}

#[test]
fn what_is_refused_or_comes_in_a_batch_leaves_nothing_behind() {
    let world = World::new();
    let mut bench = world.bench(Settings { mailbox_entries: 2, ..Settings::default() });
    let mailbox = bench.ledger.shared.metrics.mailbox.clone();
    let kept: Vec<_> = (0..2).map(|n| bench.submit(world.statement(n))).collect();
    let refused = bench.submit(world.statement(2));
    assert!(matches!(bench.answer(refused), Err(RegisterError::Overloaded { .. })));
    assert_eq!(mailbox.entries.get(), 2, "the one that found no place is not counted");
    bench.sequencer.step().unwrap();
    for answer in kept {
        assert!(bench.answer(answer).is_ok());
    }
    let batch = bench.submit_batch((3..6).map(|n| world.statement(n)).collect(), 1);
    assert!(shown(&mailbox).0 >= 1);
    assert!(bench.finish_batch(batch).iter().all(Result::is_ok));
    assert_eq!(shown(&mailbox), (0, 0));
}

/// `rate` and `increase` see nothing in a counter that begins with its first event.
#[test]
fn what_alerts_wait_for_is_counted_from_zero() {
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).unwrap();
    let (id, retry_after) = (EntryId::from_bytes([0; 32]), Duration::from_secs(1));
    let awaited = [
        RegisterError::Overloaded { retry_after, id: None },
        RegisterError::Deadline { id, retry_after },
        RegisterError::Stopped,
        InternalError::Worker.into(),
    ];
    assert_eq!(awaited.each_ref().map(RegisterError::kind), AWAITED);
    let families = registry.gather();
    let registrations =
        families.iter().find(|family| family.name() == "stele_registrations_total").unwrap().get_metric();
    let seen: Vec<_> = registrations.iter().map(|metric| metric.get_label()[0].value()).collect();
    assert!(AWAITED.iter().all(|outcome| seen.contains(outcome)), "{seen:?}");
    assert!(registrations.iter().all(|metric| metric.get_counter().get_value() == 0.0));
    metrics.ended(Err(&RegisterError::Stopped));
    assert_eq!(metrics.registrations.with_label_values(&["stopped"]).get(), 1);
}

#[test]
fn a_signature_and_a_slow_disk_are_both_resolved() {
    let buckets = step_buckets();
    let within = |from: f64, to: f64| buckets.iter().filter(|bound| (from..=to).contains(*bound)).count();
    assert!(within(0.000_002, 0.000_02) >= 4, "a signature takes 8 to 18 µs: {buckets:?}");
    assert!(within(1.0, 10.0) >= 3, "{buckets:?}");
    assert!(buckets.len() <= 24, "each is a line for every histogram");
}
