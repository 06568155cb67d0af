use proofs::{EntryId, Receipt, UnixTime};

use super::*;
use crate::error::RegisterError;
use crate::settings::Settings;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::testing::{Bench, NOW, World, id_of, issuer_rule, statement, twin_of, until};

/// No deadline that a slow machine could miss.
fn patient() -> Settings {
    Settings { register_deadline_ms: 3_600_000, ..Settings::default() }
}

fn index_of(outcome: &Outcome) -> u64 {
    match outcome {
        Ok(Registration::Issued { index, .. } | Registration::Committed { index, .. }) => index.get(),
        Err(error) => panic!("{error}"),
    }
}

fn size(bench: &Bench) -> u64 {
    bench.ledger.head().tree.size.get()
}

#[test]
fn each_of_a_batch_is_answered_in_order_and_a_bad_one_spoils_no_other() {
    let world = World::new();
    let mut bench = world.bench(patient());
    let (known, ..) = bench.must(world.statement(0));
    let before = size(&bench);
    let stranger = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let batch = vec![
        world.statement(1),
        b"\xd2nonsense".to_vec(),
        world.statement(0),
        statement(&stranger, 2),
        world.statement(3),
        world.statement(1),
    ];
    let ids: Vec<EntryId> = [0, 2, 4].iter().map(|at: &usize| id_of(&batch[*at])).collect();
    let answer = bench.submit_batch(batch, 3);
    let outcomes = bench.finish_batch(answer);
    assert_eq!(outcomes.len(), 6);
    assert_eq!(index_of(&outcomes[0]), before);
    assert!(matches!(outcomes[1], Err(RegisterError::Statement(_))));
    assert_eq!(ids[1], known);
    assert_eq!(index_of(&outcomes[2]), before - 1, "registered before");
    assert!(matches!(outcomes[3], Err(RegisterError::Refused(_))));
    assert_eq!(index_of(&outcomes[4]), before + 1);
    assert_eq!(index_of(&outcomes[5]), before, "twice in one batch is one entry");
    assert_eq!(size(&bench), before + 2);
    let root = bench.ledger.head().tree.root;
    for (at, id) in [(0, ids[0]), (2, ids[1]), (4, ids[2])] {
        let Ok(Registration::Issued { id: named, receipt, .. }) = &outcomes[at] else { panic!() };
        let receipt = Receipt::parse(receipt).unwrap();
        let key = world.keys.receipts.public_key();
        assert_eq!((*named, receipt.verify_inclusion(id.as_bytes(), key).unwrap()), (id, root));
        assert_eq!(receipt.claims().unwrap().issued_at, Some(UnixTime::from_secs(NOW)));
    }
}

#[test]
fn a_batch_of_several_chunks_is_one_round_and_keeps_its_order() {
    let world = World::new();
    let mut bench = world.bench(patient());
    let (before, rounds) = (size(&bench), bench.ledger.shared.metrics.rounds.get());
    let count = CHUNK * 3 + 7;
    let answer = bench.submit_batch((0..count).map(|n| world.statement(n)).collect(), count);
    bench.sequencer.step().unwrap();
    let outcomes = bench.finish_batch(answer);
    let indices: Vec<u64> = outcomes.iter().map(index_of).collect();
    assert_eq!(indices, (before..before + u64::try_from(count).unwrap()).collect::<Vec<_>>());
    assert_eq!(bench.ledger.shared.metrics.rounds.get(), rounds + 1);
}

#[test]
fn the_twin_of_a_statement_in_the_same_batch_is_refused() {
    let mut world = World::new();
    world.issuer = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let mut bench = world.bench(patient());
    let original = world.statement(1);
    let answer = bench.submit_batch(vec![original.clone(), twin_of(&original)], 2);
    let outcomes = bench.finish_batch(answer);
    assert!(outcomes[0].is_ok());
    assert!(matches!(outcomes[1], Err(RegisterError::Twin { of }) if of == id_of(&original)));
}

#[test]
fn a_control_statement_counts_for_those_behind_it_and_not_for_those_before() {
    let world = World::new();
    let mut bench = world.bare_bench(patient());
    let anchors = world.anchors(&bench.ledger, "issuer", &world.issuer);
    let policy = world.policy(&bench.ledger, vec![issuer_rule("issuers")]);
    let before = size(&bench);
    let batch = vec![world.statement(1), anchors, policy, world.statement(1), world.statement(2)];
    let answer = bench.submit_batch(batch, 1);
    let outcomes = bench.finish_batch(answer);
    assert!(matches!(outcomes[0], Err(RegisterError::Refused(_))), "nobody was let in yet");
    let indices: Vec<u64> = outcomes[1..].iter().map(index_of).collect();
    assert_eq!(indices, [before, before + 1, before + 2, before + 3]);
}

#[test]
fn a_batch_waits_for_room_and_leaves_half_of_the_mailbox_to_others() {
    let world = World::new();
    let mut bench = world.bench(Settings { mailbox_entries: 4, ..patient() });
    let answer = bench.submit_batch((0..7).map(|n| world.statement(n)).collect(), 2);
    for _ in 0..1_000 {
        assert_eq!(bench.sequencer.waiting(), 2, "not more than half");
        std::thread::yield_now();
    }
    let alone = bench.submit(world.statement(7));
    assert_eq!(bench.sequencer.waiting(), 3);
    let outcomes = bench.finish_batch(answer);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(bench.answer(alone).is_ok());
    let room = &bench.ledger.shared.mailbox_room;
    assert_eq!((room.taken(), room.places_for_batches()), (0, 2));
}

#[test]
fn a_batch_leaves_half_of_the_bytes_of_the_mailbox_to_others_too() {
    let world = World::new();
    // The issuer is let in first: control statements are larger than this mailbox.
    drop(world.bench(patient()));
    let bytes = world.statement(0).len() * 8;
    let mut bench = world.bench(Settings { mailbox_bytes: bytes, ..patient() });
    let answer = bench.submit_batch((0..6).map(|n| world.statement(n)).collect(), 4);
    for _ in 0..1_000 {
        assert_eq!(bench.sequencer.waiting(), 4, "not more than half");
        std::thread::yield_now();
    }
    // The batch waits for more, which is nothing to whoever comes alone.
    let alone: Vec<_> = (6..10).map(|n| bench.submit(world.statement(n))).collect();
    assert_eq!(bench.sequencer.waiting(), 8);
    let refused = bench.submit(world.statement(10));
    assert!(matches!(bench.answer(refused), Err(RegisterError::Overloaded { .. })));
    let outcomes = bench.finish_batch(answer);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    for answer in alone {
        assert!(bench.answer(answer).is_ok());
    }
    assert_eq!(bench.ledger.shared.mailbox_room.taken(), 0);
}

#[test]
fn d9_what_finds_no_room_in_time_was_not_registered_and_is_told_apart_from_what_may_be() {
    let world = World::new();
    drop(world.bench(patient()));
    let settings = Settings { register_deadline_ms: 1, mailbox_entries: 2, ..Settings::default() };
    let mut bench = world.bench(settings);
    let before = size(&bench);
    let answer = bench.submit_batch((0..3).map(|n| world.statement(n)).collect(), 1);
    let outcomes = bench.runtime.block_on(answer).unwrap();
    let id = |n| id_of(&world.statement(n));
    // A slow machine may miss the deadline before the first is sent; it is never told that it was registered.
    if bench.sequencer.waiting() == 1 {
        assert!(matches!(outcomes[0], Err(RegisterError::Deadline { id: named, .. }) if named == id(0)));
        bench.sequencer.step().unwrap();
        assert_eq!(size(&bench), before + 1);
    }
    for n in [1, 2] {
        let named =
            matches!(outcomes[n], Err(RegisterError::Overloaded { id: Some(named), .. }) if named == id(n));
        assert!(named, "{:?}", outcomes[n]);
    }
}

#[test]
fn d5_a_batch_is_judged_again_under_new_rules() {
    let world = World::new();
    let mut bench = world.bench(patient());
    let batch = |from: usize| (from..from + 3).map(|n| world.statement(n)).collect::<Vec<_>>();
    let answer = bench.submit_batch(batch(0), 3);
    world.clock.set(UnixTime::from_secs(NOW + 31));
    bench.sequencer.step().unwrap();
    assert!(bench.finish_batch(answer).iter().all(Result::is_ok));

    let closing = bench.submit(world.policy(&bench.ledger, Vec::new()));
    let answer = bench.submit_batch(batch(3), 4);
    let outcomes = bench.finish_batch(answer);
    assert!(bench.answer(closing).is_ok());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(RegisterError::Refused(_)))), "{outcomes:?}");
}

#[test]
fn d5_judged_in_vain_too_often_asks_to_come_back() {
    let world = World::new();
    let mut bench = world.bench(patient());
    let answer = bench.submit_batch(vec![world.statement(1), world.statement(2)], 2);
    for again in 1..=3 {
        until("both are judged again", || bench.sequencer.waiting() >= 2);
        world.clock.set(UnixTime::from_secs(NOW + 100 * again));
        bench.sequencer.step().unwrap();
    }
    let outcomes = bench.finish_batch(answer);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(RegisterError::Overloaded { .. }))));
}

#[test]
fn an_ended_sequencer_is_told_to_every_one() {
    let world = World::new();
    let bench = world.bench(patient());
    let Bench { runtime, ledger, sequencer, publisher, .. } = bench;
    drop((sequencer, publisher));
    let bodies = [Bytes::from(world.statement(1)), Bytes::from(world.statement(2))];
    let outcomes = runtime.block_on(ledger.register_batch(&bodies, Wait::ForReceipt));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(RegisterError::Stopped))), "{outcomes:?}");
}

#[test]
fn who_does_not_wait_for_receipts_gets_none() {
    let world = World::new();
    let mut bench = world.bench(patient());
    let ledger = bench.ledger.clone();
    let bodies = [Bytes::from(world.statement(1))];
    let answer = bench.runtime.spawn(async move { ledger.register_batch(&bodies, Wait::ForCommit).await });
    let outcomes = bench.finish_batch(answer);
    assert!(matches!(outcomes.as_slice(), [Ok(Registration::Committed { .. })]));
    assert_eq!(bench.ledger.shared.metrics.receipts.get(), 2, "those of the two control statements");
}

#[test]
fn a_worker_that_died_stands_for_all_of_its_chunk() {
    let count = CHUNK + 2;
    let chunks = vec![Err(InternalError::Worker), Ok(vec![Ok(1), Ok(2)])];
    let all = in_order(count, chunks);
    assert_eq!(all.len(), count);
    assert!(all[..CHUNK].iter().all(|one| matches!(one, Err(RegisterError::Internal(_)))));
    assert!(matches!(all[CHUNK..], [Ok(1), Ok(2)]));
}
