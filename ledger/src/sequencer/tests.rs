use std::sync::Arc;

use proofs::tile::TileId;
use proofs::{EntryId, LeafIndex, PublicKey, Receipt, SignedStatement, TreeSize, UnixTime};
use storage::memory::{Fault, MemoryStore};

use crate::error::{Fatal, RegisterError};
use crate::governance::Refusal;
use crate::registration::Registration;
use crate::settings::Settings;
use crate::signer::{KeyAlgorithm, PrivateKey};
use crate::testing::{NOW, World, id_of, issuer_rule, statement, twin_of, until};
use crate::{Collateral, ReceiptState};

fn collateral(bench: &crate::testing::Bench, id: EntryId) -> Collateral {
    Collateral::decode(&bench.runtime.block_on(bench.ledger.collateral(id)).unwrap()).unwrap()
}

fn verify(receipt: &[u8], id: &EntryId, key: &PublicKey) -> proofs::Hash {
    Receipt::parse(receipt).unwrap().verify_inclusion(id.as_bytes(), key).unwrap()
}

#[test]
fn arch_34_a_receipt_verifies_against_the_committed_head() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (id, index, receipt) = bench.must(world.statement(1));
    assert_eq!(index, 5, "genesis, policy, anchors, one increment, one policy");
    let root = verify(&receipt, &id, world.keys.receipts.public_key());
    assert_eq!(root, bench.ledger.head().tree.root);
    assert_eq!(id, id_of(&world.statement(1)));
}

#[test]
fn rcpt_20_a_receipt_carries_service_subject_and_registration_time() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (_, _, receipt) = bench.must(world.statement(1));
    let claims = Receipt::parse(&receipt).unwrap().claims().unwrap().clone();
    assert_eq!(claims.issuer, "https://ts.example");
    assert_eq!(claims.subject, "urn:example:artifact:1");
    assert_eq!(claims.issued_at, Some(UnixTime::from_secs(NOW)));
}

#[test]
fn scr_13_a_receipt_issued_later_has_the_same_position_and_time() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (id, index, _) = bench.must(world.statement(1));
    world.clock.set(UnixTime::from_secs(NOW + 1000));
    bench.must(world.statement(2));
    let state = bench.runtime.block_on(bench.ledger.receipt(id)).unwrap();
    let ReceiptState::Issued { index: again, receipt, .. } = state else { panic!("it is registered") };
    assert_eq!(again.get(), index);
    assert_eq!(verify(&receipt, &id, world.keys.receipts.public_key()), bench.ledger.head().tree.root);
    let claims = Receipt::parse(&receipt).unwrap().claims().unwrap().clone();
    assert_eq!(claims.issued_at, Some(UnixTime::from_secs(NOW)));
}

#[test]
fn scr_26_the_same_statement_again_is_the_same_entry() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let first = bench.must(world.statement(1));
    let size = bench.ledger.head().tree.size;
    let second = bench.must(world.statement(1));
    assert_eq!((first.0, first.1), (second.0, second.1));
    assert_eq!(bench.ledger.head().tree.size, size);
}

#[test]
fn scr_26_fifty_at_once_make_one_entry_and_fifty_receipts() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let before = bench.ledger.head().tree.size.get();
    let answers: Vec<_> = (0..50).map(|_| bench.submit(world.statement(1))).collect();
    bench.sequencer.step().unwrap();
    for answer in answers {
        let Registration::Issued { id, index, receipt } = bench.answer(answer).unwrap() else { panic!() };
        assert_eq!(index.get(), before);
        verify(&receipt, &id, world.keys.receipts.public_key());
    }
    assert_eq!(bench.ledger.head().tree.size.get(), before + 1);
}

#[test]
fn d7_the_twin_of_a_registered_ecdsa_statement_is_refused_and_named() {
    let mut world = World::new();
    world.issuer = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let mut bench = world.bench(Settings::default());
    let original = world.statement(1);
    let twin = twin_of(&original);
    assert_ne!(id_of(&original), id_of(&twin));
    let (id, ..) = bench.must(original.clone());
    let size = bench.ledger.head().tree.size;
    assert!(matches!(bench.register(twin), Err(RegisterError::Twin { of }) if of == id));
    assert_eq!(bench.must(original).0, id);
    assert_eq!(bench.ledger.head().tree.size, size);
}

#[test]
fn d7_twins_in_one_round_make_one_entry() {
    let mut world = World::new();
    world.issuer = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let mut bench = world.bench(Settings::default());
    let original = world.statement(1);
    let first = bench.submit(original.clone());
    let second = bench.submit(twin_of(&original));
    bench.sequencer.step().unwrap();
    assert!(bench.answer(first).is_ok());
    assert!(matches!(bench.answer(second), Err(RegisterError::Twin { of }) if of == id_of(&original)));
    let refused = bench.runtime.block_on(bench.ledger.receipt(id_of(&twin_of(&original))));
    assert!(
        matches!(refused, Err(crate::ReadError::NotFound)),
        "what was refused is not on its way: {refused:?}"
    );
}

#[test]
fn d7_what_was_committed_after_the_front_door_looked_is_found_in_time() {
    let mut world = World::new();
    world.issuer = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let mut bench = world.bench(Settings { round_entries: 1, ..Settings::default() });
    let original = world.statement(1);
    // All three were looked for before the first was committed, and each has a round of its own.
    let first = bench.submit(original.clone());
    let again = bench.submit(original.clone());
    let twin = bench.submit(twin_of(&original));
    for _ in 0..3 {
        bench.sequencer.step().unwrap();
    }
    let Registration::Issued { id, index, .. } = bench.answer(first).unwrap() else { panic!() };
    let Registration::Issued { index: same, .. } = bench.answer(again).unwrap() else { panic!() };
    assert_eq!((index, bench.ledger.head().tree.size.get()), (same, index.get() + 1));
    assert!(matches!(bench.answer(twin), Err(RegisterError::Twin { of }) if of == id));
}

/// The store shows a commit a moment before it returns.
#[test]
fn arch_34_what_the_store_shows_too_early_is_not_registered_yet() {
    let world = World::new();
    let bench = world.bench(Settings::default());
    let early = SignedStatement::parse(&world.statement(1), 1 << 20).unwrap();
    let (head, index) = (bench.ledger.head(), bench.ledger.head().tree.size.next_index());
    let edge = crate::recovery::edge(world.store.snapshot().unwrap().as_ref(), head.tree).unwrap();
    let entry = storage::NewEntry {
        entry: *early.entry_id().as_bytes(),
        registered_at: head.time,
        statement: early.canonical().to_vec().into(),
        collateral: Vec::new().into(),
    };
    let rows = crate::rows::of_entry(&early, index, &bench.ledger.identity(), None);
    let growth = super::integrate::integrate(Some(head.tree), &edge, vec![entry], rows, head.time).unwrap();
    world.store.commit(growth.commit).unwrap();
    let state = bench.runtime.block_on(bench.ledger.receipt(early.entry_id()));
    assert!(matches!(state, Err(crate::ReadError::NotFound)), "{state:?}");
}

#[test]
fn d5_a_statement_judged_under_the_old_policy_never_lands_after_the_new_one() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let closing = bench.submit(world.policy(&bench.ledger, Vec::new()));
    let late = bench.submit(world.statement(1));
    // The control statement ends its round although the other one waits already.
    bench.sequencer.step().unwrap();
    assert!(bench.answer(closing).is_ok());
    let size = bench.ledger.head().tree.size;
    bench.sequencer.step().unwrap();
    assert!(matches!(bench.answer(late), Err(RegisterError::Refused(_))));
    assert_eq!(bench.ledger.head().tree.size, size);
}

#[test]
fn d5_collateral_names_the_newest_rules_with_a_smaller_index() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (before, ..) = bench.must(world.statement(1));
    let (_, policy, _) = bench.must(world.policy(&bench.ledger, vec![issuer_rule("renamed")]));
    let (after, ..) = bench.must(world.statement(2));
    let (before, after) = (collateral(&bench, before), collateral(&bench, after));
    assert_eq!((before.policy, before.rule.as_deref()), (Some(LeafIndex::new(4)), Some("issuers")));
    assert_eq!((after.policy, after.rule.as_deref()), (Some(LeafIndex::new(policy)), Some("renamed")));
    assert_eq!((before.anchors, after.anchors), (Some(LeafIndex::new(3)), Some(LeafIndex::new(3))));
    assert_eq!((after.anchor.as_deref(), after.key), (Some("issuer"), None));
}

#[test]
fn d4_two_policies_for_one_place_leave_only_the_first() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let one = bench.submit(world.policy(&bench.ledger, vec![issuer_rule("one")]));
    let two = bench.submit(world.policy(&bench.ledger, vec![issuer_rule("two")]));
    bench.sequencer.step().unwrap();
    bench.sequencer.step().unwrap();
    assert!(bench.answer(one).is_ok());
    assert!(
        matches!(bench.answer(two), Err(RegisterError::Refused(_))),
        "it supersedes a policy that is gone"
    );
    assert_eq!(bench.ledger.governance().policy().rules[0].name, "one");
}

#[test]
fn d4_policy_a_then_b_then_a_again_leaves_a_in_force() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    for name in ["a", "b", "a"] {
        bench.must(world.policy(&bench.ledger, vec![issuer_rule(name)]));
    }
    assert_eq!(bench.ledger.governance().policy().rules[0].name, "a");
    drop(bench);
    let again = world.bare_bench(Settings::default());
    assert_eq!(again.ledger.governance().policy().rules[0].name, "a");
    assert_eq!(again.ledger.governance().policy_index(), LeafIndex::new(7));
}

#[test]
fn d6_time_never_goes_back_when_the_clock_does() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    world.clock.set(UnixTime::from_secs(NOW + 3600));
    let (first, ..) = bench.must(world.statement(1));
    world.clock.set(UnixTime::from_secs(NOW));
    let (second, ..) = bench.must(world.statement(2));
    let (first, second) = (collateral(&bench, first), collateral(&bench, second));
    assert_eq!(first.registered_at, second.registered_at);
    assert_eq!(
        second.evaluated_at, second.registered_at,
        "judged by the time of the log, not by a clock behind it"
    );
}

#[test]
fn d5_a_judgement_older_than_thirty_seconds_is_made_again() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let answer = bench.submit(world.statement(1));
    world.clock.set(UnixTime::from_secs(NOW + 30));
    bench.sequencer.step().unwrap();
    let Registration::Issued { id, .. } = bench.answer(answer).unwrap() else { panic!() };
    assert_eq!(collateral(&bench, id).evaluated_at.secs(), NOW, "thirty seconds are still good");

    let answer = bench.submit(world.statement(2));
    world.clock.set(UnixTime::from_secs(NOW + 61));
    bench.sequencer.step().unwrap();
    until("it is judged again", || bench.sequencer.waiting() > 0);
    bench.sequencer.step().unwrap();
    let Registration::Issued { id, .. } = bench.answer(answer).unwrap() else { panic!() };
    assert_eq!(collateral(&bench, id).evaluated_at.secs(), NOW + 61);
}

#[test]
fn d5_judged_three_times_in_vain_asks_to_come_back() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let answer = bench.submit(world.statement(1));
    for again in 1..=3 {
        until("it is judged again", || bench.sequencer.waiting() > 0);
        world.clock.set(UnixTime::from_secs(NOW + 100 * again));
        bench.sequencer.step().unwrap();
    }
    assert!(matches!(bench.answer(answer), Err(RegisterError::Overloaded { id: Some(_), .. })));
    bench.must(world.statement(1));
}

#[test]
fn a_full_mailbox_is_an_answer_and_not_a_longer_queue() {
    let world = World::new();
    let mut bench = world.bench(Settings { mailbox_entries: 2, ..Settings::default() });
    let kept: Vec<_> = (0..2).map(|n| bench.submit(world.statement(n))).collect();
    let refused = bench.submit(world.statement(2));
    assert!(matches!(bench.answer(refused), Err(RegisterError::Overloaded { .. })));
    bench.sequencer.step().unwrap();
    for answer in kept {
        assert!(bench.answer(answer).is_ok());
    }
    bench.must(world.statement(2));
}

#[test]
fn bytes_in_the_mailbox_are_bounded_too() {
    let world = World::new();
    let bytes = world.statement(0).len() * 2 + world.statement(0).len() / 2;
    // The issuer is let in first: control statements are larger than this mailbox.
    drop(world.bench(Settings::default()));
    let mut bench = world.bench(Settings { mailbox_bytes: bytes, ..Settings::default() });
    let kept: Vec<_> = (0..2).map(|n| bench.submit(world.statement(n))).collect();
    let refused = bench.submit(world.statement(2));
    assert!(matches!(bench.answer(refused), Err(RegisterError::Overloaded { .. })));
    bench.sequencer.step().unwrap();
    for answer in kept {
        assert!(bench.answer(answer).is_ok());
    }
    bench.must(world.statement(2));
}

#[test]
fn a_round_is_bounded_in_count_and_bytes() {
    let world = World::new();
    let size = world.statement(0).len();
    for settings in [
        Settings { round_entries: 3, ..Settings::default() },
        Settings { round_bytes: size * 3 + size / 2, ..Settings::default() },
    ] {
        let mut bench = world.bench(settings);
        let before = bench.ledger.head().tree.size.get();
        let answers: Vec<_> = (0..7).map(|_| bench.submit(statement(&world.issuer, rand_n()))).collect();
        let mut rounds = Vec::new();
        while rounds.last().copied().unwrap_or(before) < before + 7 {
            bench.sequencer.step().unwrap();
            rounds.push(bench.ledger.head().tree.size.get());
        }
        assert_eq!(rounds, [before + 3, before + 6, before + 7]);
        for answer in answers {
            assert!(bench.answer(answer).is_ok());
        }
    }
}

/// A number not used before in this process.
fn rand_n() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1_000);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn scr_29_what_is_on_its_way_is_running_and_what_is_not_is_unknown() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let id = id_of(&world.statement(1));
    assert!(matches!(bench.runtime.block_on(bench.ledger.receipt(id)), Err(crate::ReadError::NotFound)));
    let answer = bench.submit(world.statement(1));
    assert_eq!(bench.runtime.block_on(bench.ledger.receipt(id)).unwrap(), ReceiptState::Running);
    bench.sequencer.step().unwrap();
    assert!(bench.answer(answer).is_ok());
    assert!(matches!(bench.runtime.block_on(bench.ledger.receipt(id)), Ok(ReceiptState::Issued { .. })));
}

#[test]
fn d9_a_deadline_promises_nothing_and_loses_nothing() {
    let world = World::new();
    // The issuer is let in first, without a deadline that a slow machine could miss.
    drop(world.bench(Settings::default()));
    let mut bench = world.bench(Settings { register_deadline_ms: 1, ..Settings::default() });
    let late = bench.submit(world.statement(1));
    let id = id_of(&world.statement(1));
    assert!(matches!(bench.answer(late), Err(RegisterError::Deadline { id: named, .. }) if named == id));
    bench.sequencer.step().unwrap();
    let state = bench.runtime.block_on(bench.ledger.receipt(id)).unwrap();
    assert!(matches!(state, ReceiptState::Issued { .. }), "it was committed all the same, and is found");
}

#[test]
fn arch_34_a_lost_commit_answers_nobody_and_ends_the_writer() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    let mut bench = world.bench(Settings::default());
    store.fail_commit(store.commits() + 1, Fault::Lost);
    let answer = bench.submit(world.statement(1));
    assert!(matches!(bench.sequencer.step(), Err(Fatal::Commit(_))));
    drop(bench.sequencer);
    assert!(matches!(bench.runtime.block_on(answer).unwrap(), Err(RegisterError::Stopped)));
    store.reopen();
    let mut again = world.bench(Settings::default());
    assert!(matches!(
        again.runtime.block_on(again.ledger.receipt(id_of(&world.statement(1)))),
        Err(crate::ReadError::NotFound)
    ));
    assert_eq!(again.must(world.statement(1)).1, 5);
}

#[test]
fn arch_34_a_commit_that_persisted_but_failed_is_found_by_the_retry() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    let mut bench = world.bench(Settings::default());
    store.fail_commit(store.commits() + 1, Fault::Persisted);
    let answer = bench.submit(world.statement(1));
    assert!(matches!(bench.sequencer.step(), Err(Fatal::Commit(_))));
    drop(bench.sequencer);
    assert!(matches!(bench.runtime.block_on(answer).unwrap(), Err(RegisterError::Stopped)));
    store.reopen();
    let mut again = world.bench(Settings::default());
    assert_eq!(again.ledger.head().tree.size, TreeSize::new(6));
    assert_eq!(again.must(world.statement(1)).1, 5, "same id, same index");
}

#[test]
fn tiles_across_their_borders_are_what_a_fresh_tree_gives() {
    let world = World::new();
    let patient = Settings { register_deadline_ms: 600_000, ..Settings::default() };
    let mut bench = world.bench(Settings { round_entries: 97, ..patient });
    let answers: Vec<_> = (0..600).map(|n| bench.submit(world.statement(n))).collect();
    while bench.ledger.head().tree.size.get() < 605 {
        bench.sequencer.step().unwrap();
    }
    for answer in answers {
        let Registration::Issued { id, receipt, .. } = bench.answer(answer).unwrap() else { panic!() };
        verify(&receipt, &id, world.keys.receipts.public_key());
    }
    let snapshot = world.store.snapshot().unwrap();
    let widths: Vec<_> = [(0, 0), (0, 1), (0, 2), (1, 0)]
        .into_iter()
        .map(|(level, index)| {
            snapshot.tiles(&[TileId { level, index }]).unwrap().remove(0).unwrap().len() / 32
        })
        .collect();
    assert_eq!(widths, [256, 256, 93, 2]);
    let report = crate::fsck(world.store.as_ref(), &mut |_| {}).unwrap();
    assert_eq!(report.faults, []);
    assert_eq!(report.entries, 605);
}

#[test]
fn arch_14_what_is_stored_is_the_canonical_statement() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (id, _, receipt) = bench.must(world.statement(1));
    let parsed = SignedStatement::parse(&world.statement(1), 1 << 20).unwrap();
    let transparent = proofs::transparent::attach(&parsed, &[receipt]);
    let stored = bench.runtime.block_on(bench.ledger.statement(id)).unwrap();
    assert_eq!(stored, world.statement(1));
    // ARCH-49: with receipts inside it is still the same statement.
    assert_eq!(bench.must(transparent).0, id);
}

#[test]
fn d4_a_low_size_limit_refuses_issuers_and_does_not_lock_the_operator_out() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    bench.must(world.policy_with(&bench.ledger, |policy| policy.max_statement_bytes = 1024));
    let large = crate::testing::statement_with(&world.issuer, &[b'x'; 1024]);
    let refused = bench.register(large.clone());
    assert!(matches!(refused, Err(RegisterError::Refused(Refusal::TooLarge { limit: 1024 }))), "{refused:?}");
    let many: Vec<_> = (0..40).map(|n| issuer_rule(&format!("rule number {n}"))).collect();
    let next = world.policy(&bench.ledger, many);
    assert!(next.len() > 1024);
    bench.must(next);
    bench.must(large);
}

#[test]
fn a_statement_in_a_log_line_shows_no_payload() {
    let parsed = SignedStatement::parse(&World::new().statement(1), 1 << 20).unwrap();
    assert_eq!(format!("{parsed:?}"), format!("SignedStatement({:?})", parsed.entry_id()));
}
