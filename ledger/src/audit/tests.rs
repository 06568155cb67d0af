mod batches;
mod findings;
mod forge;

use std::sync::Arc;

use proofs::tile::TileId;
use proofs::{LeafIndex, SignedStatement, TreeSize, UnixTime};

use super::{AuditPace, AuditReport, AuditState, audit_store};
use crate::collateral::Collateral;
use crate::policy::Policy;
use crate::settings::Settings;
use crate::testing::tamper::{Lie, LyingStore};
use crate::testing::{NOW, World};
use forge::{Forge, Row};

const PACE: AuditPace = AuditPace { threads: 2, entries: 100, bytes: 1 << 20 };

fn world_of(size: u64) -> World {
    let world = World::new();
    // A machine that is busy with other things makes everything slow; that must fail no test.
    let mut bench = world.bench(Settings { register_deadline_ms: 600_000, ..Settings::default() });
    let answers: Vec<_> = (5..size).map(|n| bench.submit(world.statement(n.try_into().unwrap()))).collect();
    while bench.ledger.head().tree.size.get() < size {
        bench.sequencer.step().unwrap();
    }
    answers.into_iter().for_each(|answer| assert!(bench.answer(answer).is_ok()));
    bench.publisher.publish_newest().unwrap();
    world
}

fn audit(store: &dyn storage::LogStore) -> AuditReport {
    audit_store(store, None, &PACE, &mut |_, _| true).unwrap()
}

fn lie(world: &World, lie: Lie) -> Vec<String> {
    audit(&LyingStore { inner: Arc::clone(&world.store), lie }).discrepancies
}

fn record(world: &World, index: u64, change: impl FnOnce(&mut Collateral)) -> Lie {
    let stored = world.store.snapshot().unwrap().collateral(LeafIndex::new(index)).unwrap().unwrap();
    let mut record = Collateral::decode(&stored).unwrap();
    change(&mut record);
    Lie::Collateral(index, Some(record.encode()))
}

#[test]
fn arch_24_an_honest_log_is_replayed_whole() {
    let world = world_of(300);
    let report = audit(world.store.as_ref());
    assert_eq!(report.discrepancies, Vec::<String>::new());
    assert_eq!(report.head, world.store.head().unwrap().unwrap().tree);
    assert_eq!((report.counts.entries, report.counts.judged, report.counts.controls), (300, 300, 5));
    assert_eq!((report.counts.withheld, report.counts.without_collateral), (0, 0));
}

#[test]
fn arch_26_a_decision_that_its_record_does_not_describe_is_found() {
    let world = world_of(12);
    let one = |change: fn(&mut Collateral)| {
        let found = lie(&world, record(&world, 7, change));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    assert_eq!(
        one(|r| r.rule = Some("another".into())),
        "entry 7: its collateral names another rule than the one that decides"
    );
    assert_eq!(
        one(|r| r.anchor = None),
        "entry 7: its collateral names another trust anchor than the one that decides"
    );
    let key = proofs::KeyId::new([9; 32]);
    let found = lie(&world, record(&world, 7, |r| r.key = if r.key.is_some() { None } else { Some(key) }));
    assert_eq!(found, ["entry 7: its collateral names another key than the one that decides"]);
    assert_eq!(
        one(|r| r.policy = Some(LeafIndex::new(1))),
        "entry 7: it was not judged under the newest policy and trust anchors"
    );
    let found = lie(&world, record(&world, 2, |r| r.rule = Some("x".into())));
    assert_eq!(found, ["entry 2: its collateral names another rule than the one that decides"]);
}

#[test]
fn d6_times_out_of_order_are_found() {
    let world = world_of(12);
    for (registered, evaluated) in [(NOW, NOW + 1), (NOW, NOW - 31)] {
        let found = lie(
            &world,
            record(&world, 7, |r| {
                r.registered_at = UnixTime::from_secs(registered);
                r.evaluated_at = UnixTime::from_secs(evaluated);
            }),
        );
        assert_eq!(found, ["entry 7: its times contradict the order of the log"]);
    }
}

#[test]
fn what_fsck_finds_an_audit_finds_too() {
    let world = world_of(300);
    let other = world.store.snapshot().unwrap().statement(LeafIndex::new(8)).unwrap().unwrap().to_vec();
    assert_eq!(
        lie(&world, Lie::Statement(7, Some(other))),
        ["entry 7: the stored statement is not the one that was hashed into the log"]
    );
    assert_eq!(lie(&world, Lie::Collateral(7, None)), ["entry 7: its collateral is missing"]);
    let mut tile =
        world.store.snapshot().unwrap().tiles(&[TileId { level: 0, index: 0 }]).unwrap().remove(0).unwrap();
    tile[4000] ^= 1;
    assert_eq!(
        lie(&world, Lie::Tile(TileId { level: 0, index: 0 }, Some(tile))),
        ["tile 0/0 does not hold the hashes of its entries"]
    );
    let found = lie(&world, Lie::Entry(7, [1; 32]));
    assert!(
        found.contains(
            &"the checkpoint published at size 300 does not have the root of its entries".to_owned()
        ),
        "{found:?}"
    );
}

#[test]
fn attack_a_policy_applied_one_entry_late_is_found() {
    let world = world_of(12);
    // The operator shut the issuer out at index 12, and let one more statement in after it.
    let mut bench = world.bench(Settings::default());
    bench.must(world.policy_with(&bench.ledger, |policy: &mut Policy| policy.rules.clear()));
    let mut forge = Forge::of(&world);
    let late = world.statement(99);
    let id = SignedStatement::parse(&late, late.len()).unwrap();
    let mut row = forge.rows[11].clone();
    row.statement = id.canonical().to_vec();
    forge.rows.push(row);
    let found = audit(forge.store(&world).as_ref()).discrepancies;
    assert_eq!(found, ["entry 13: it was not judged under the newest policy and trust anchors"]);
    // The same with a record that claims the new policy.
    forge.rows[13].change(|record| record.policy = Some(LeafIndex::new(12)));
    let found = audit(forge.store(&world).as_ref()).discrepancies;
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("entry 13: it was registered, but under what was in force then it is refused: "),
        "{found:?}"
    );
}

#[test]
fn attack_a_signature_that_does_not_verify_is_found() {
    let world = world_of(12);
    let mut forge = Forge::of(&world);
    let last = forge.rows[9].statement.len() - 1;
    forge.rows[9].statement[last] ^= 1;
    let found = audit(forge.store(&world).as_ref()).discrepancies;
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("entry 9") && found[0].contains("the signature does not verify"), "{found:?}");
}

#[test]
fn attack_an_entry_registered_twice_is_found() {
    let world = world_of(12);
    let mut forge = Forge::of(&world);
    let again = forge.rows[9].clone();
    forge.rows.push(again);
    let found = audit(forge.store(&world).as_ref()).discrepancies;
    assert_eq!(found, ["entry 12: the entry index does not lead to it"]);
}

#[test]
fn attack_control_statements_in_another_order_are_found() {
    let world = world_of(12);
    let mut forge = Forge::of(&world);
    // Entry 5 was admitted by the policy at 4.
    forge.rows.swap(4, 5);
    let found = audit(forge.store(&world).as_ref()).discrepancies;
    assert!(found[0].starts_with("entry 4: it was not judged"), "{found:?}");
}

#[test]
fn d5_a_round_that_went_on_after_a_control_statement_is_found() {
    let world = world_of(12);
    let mut forge = Forge::of(&world);
    forge.rows[4].ends_round = false;
    let found = audit(forge.store(&world).as_ref()).discrepancies;
    assert_eq!(found, ["entry 4: it changed what is in force, and the round that committed it went on"]);
}

#[test]
fn a_log_without_its_genesis_is_judged_by_nobody() {
    let world = world_of(6);
    let mut forge = Forge::of(&world);
    let Row { statement, .. } = forge.rows[1].clone();
    forge.rows[0].statement = statement;
    let report = audit(forge.store(&world).as_ref());
    assert!(
        report.discrepancies[0].starts_with("entry 0 is not a genesis statement"),
        "{:?}",
        report.discrepancies
    );
    assert_eq!(report.counts.judged, 0);
}

#[test]
fn an_audit_goes_on_where_it_was_whatever_the_step() {
    let world = world_of(600);
    let whole = audit(world.store.as_ref());
    let mut state: Option<AuditState> = None;
    let pace = AuditPace { threads: 2, entries: 37, bytes: 1 << 20 };
    let mut steps = 0;
    loop {
        let mut next = None;
        let report = audit_store(world.store.as_ref(), state.take(), &pace, &mut |auditor, _| {
            // Written down and read back, as a process that is killed after each step would.
            next = Some(serde_json::from_slice(&serde_json::to_vec(&auditor.state()).unwrap()).unwrap());
            false
        })
        .unwrap();
        steps += 1;
        match next {
            Some(next) => state = Some(next),
            None => {
                assert_eq!(report, whole);
                break;
            }
        }
    }
    assert_eq!(steps, 600_usize.div_ceil(37) + 1);
}

#[test]
fn a_state_of_another_log_is_refused() {
    let (one, other) = (world_of(20), world_of(20));
    let mut state = None;
    audit_store(one.store.as_ref(), None, &PACE, &mut |auditor, _| {
        state = Some(auditor.state());
        true
    })
    .unwrap();
    let refused = audit_store(other.store.as_ref(), state.clone(), &PACE, &mut |_, _| true).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the state is not one of this log: its 20 entries are not the beginning of what is stored"
    );
    let mut text = serde_json::to_value(state.unwrap()).unwrap();
    text["version"] = 9.into();
    let state = serde_json::from_value(text).unwrap();
    let refused = audit_store(one.store.as_ref(), Some(state), &PACE, &mut |_, _| true).unwrap_err();
    assert_eq!(refused.to_string(), "the state has version 9, this program reads 2");
}

#[test]
fn the_report_is_bounded_and_counts_the_rest() {
    let world = world_of(300);
    let report =
        audit(&LyingStore { inner: Arc::clone(&world.store), lie: Lie::Lookup(crate::rows::ENTRY, None) });
    assert_eq!((report.discrepancies.len(), report.more_discrepancies), (super::MAX_DISCREPANCIES, 200));
    assert_eq!(report.head.size, TreeSize::new(300));
}

#[test]
fn d12_collateral_rewritten_after_its_manifest_is_found() {
    let world = World::new();
    let mut bench = world.bench(Settings { manifest_entries: 8, ..Settings::default() });
    (0..20).for_each(|n| {
        bench.must(world.statement(n));
        bench.keep().unwrap();
    });
    bench.publisher.publish_newest().unwrap();
    let report = audit(world.store.as_ref());
    assert!(report.is_clean(), "{:?}", report.discrepancies);
    assert!(report.counts.manifests >= 2, "{:?}", report.counts);
    // The operator would rather have judged it some seconds earlier.
    let earlier = UnixTime::from_secs(NOW - 1);
    let found = lie(&world, record(&world, 6, |record| record.evaluated_at = earlier));
    assert_eq!(
        found,
        ["entry 8: the collateral records it covers are not those that this manifest registered"]
    );
}

#[test]
fn d18_a_profile_that_this_program_lacks_is_said_and_is_no_discrepancy() {
    let world = world_of(12);
    let examined = |profile: &str| crate::collateral::Examined {
        profile: profile.to_owned(),
        complete: true,
        findings: Vec::new(),
        terms: Vec::new(),
        links: Vec::new(),
    };
    let with = |profile: &str| {
        let lie = record(&world, 7, |record| record.examined = Some(examined(profile)));
        audit(&LyingStore { inner: Arc::clone(&world.store), lie })
    };
    let report = with("trace@999");
    assert!(report.is_clean(), "{:?}", report.discrepancies);
    assert_eq!((report.counts.judged, report.counts.cannot_evaluate), (12, 1));
    let report = with("trace@1");
    assert_eq!(
        report.discrepancies,
        ["entry 7: its collateral names another profile's finding than the one that decides"]
    );
}
