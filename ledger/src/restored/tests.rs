use std::sync::Arc;
use std::time::Duration;

use proofs::{CosignatureKind, Cosigner, TlogPolicy, leaf_hash};
use storage::memory::MemoryStore;

use super::*;
use crate::control::incident_statement;
use crate::signer::CosigningKey;
use crate::testing::{Bench, World, id_of};
use crate::witness::Witnessing;

/// Three witnesses, of which two are a quorum. Nobody asks them here.
fn witnessing(without_quorum: WithoutQuorum) -> Witnessing {
    of_three("2", without_quorum)
}

fn of_three(quorum: &str, without_quorum: WithoutQuorum) -> Witnessing {
    let line = |n: u32| {
        let key = CosigningKey::generate(CosignatureKind::Ed25519, &format!("w{n}.example")).unwrap();
        format!("witness W{n} {}\n", key.key())
    };
    let lines: String = (1..=3).map(line).collect();
    Witnessing {
        policy: TlogPolicy::parse(format!("{lines}group G {quorum} W1 W2 W3\nquorum G\n").as_bytes())
            .unwrap(),
        clients: Vec::new(),
        settings: WitnessSettings {
            quorum_wait: Duration::from_secs(1),
            without_quorum,
            request_deadline: Duration::from_secs(1),
            recosign_interval: Duration::from_secs(600),
        },
    }
}

fn witnessed() -> Settings {
    Settings { receipts: ReceiptRule::Witnessed, ..Settings::default() }
}

/// A log of five entries, and the mark that it would have if it were restored as it is.
fn marked(witnessing: Option<Witnessing>) -> (World, RestoredMark) {
    let mut world = World::new();
    let bench = world.bench(Settings::default());
    let head = bench.ledger.head().tree;
    drop(bench);
    world.witnessing = witnessing;
    (world, RestoredMark { head, witnessed: true })
}

fn judged(world: &World, settings: Settings, mark: &RestoredMark, shown: &[usize]) -> Resumption {
    let bench = world.bare_bench(settings);
    bench.ledger.resumption(mark, |witness| shown.contains(&witness)).unwrap()
}

fn incident(bench: &Bench, world: &World, head: TreeHead, last: EntryId) -> Vec<u8> {
    let document = Incident { head, reason: "restored after a fire".into() };
    incident_statement(&bench.ledger.identity(), last, &document, &world.operator).unwrap()
}

#[test]
fn d11_witnesses_that_no_quorum_escapes_let_a_restored_log_sign_again() {
    let (world, mark) = marked(Some(witnessing(WithoutQuorum::Hold)));
    for (shown, expected) in [
        (&[][..], Resumption::WitnessesMissing),
        (&[0], Resumption::WitnessesMissing),
        (&[2], Resumption::WitnessesMissing),
        (&[0, 1], Resumption::ByWitnesses),
        (&[1, 2], Resumption::ByWitnesses),
        (&[0, 1, 2], Resumption::ByWitnesses),
    ] {
        assert_eq!(judged(&world, witnessed(), &mark, shown), expected, "{shown:?}");
    }
}

/// It is the quorums among those who are silent that count, not whether those who spoke are one.
#[test]
fn d11_witnesses_who_are_silent_must_not_be_a_quorum_by_themselves() {
    for (quorum, shown, expected) in [
        ("any", &[0, 1][..], Resumption::WitnessesMissing),
        ("any", &[0, 1, 2], Resumption::ByWitnesses),
        ("all", &[], Resumption::WitnessesMissing),
        ("all", &[1], Resumption::ByWitnesses),
    ] {
        let (world, mark) = marked(Some(of_three(quorum, WithoutQuorum::Hold)));
        assert_eq!(judged(&world, witnessed(), &mark, shown), expected, "{quorum} {shown:?}");
    }
}

#[test]
fn d11_where_something_may_have_been_signed_that_no_witness_saw_the_operator_has_to_say_so() {
    let all = [0, 1, 2];
    let (world, mark) = marked(Some(witnessing(WithoutQuorum::Hold)));
    assert_eq!(judged(&world, Settings::default(), &mark, &all), Resumption::IncidentMissing);
    let unbound = RestoredMark { witnessed: false, ..mark };
    assert_eq!(judged(&world, witnessed(), &unbound, &all), Resumption::IncidentMissing);
    let (world, mark) = marked(Some(witnessing(WithoutQuorum::Publish)));
    assert_eq!(judged(&world, witnessed(), &mark, &all), Resumption::IncidentMissing);
    let (world, mark) = marked(None);
    assert_eq!(judged(&world, Settings::default(), &mark, &all), Resumption::IncidentMissing);
}

#[test]
fn d11_an_incident_as_the_very_next_entry_lets_a_restored_log_sign_again() {
    let (world, mark) = marked(None);
    let mut bench = world.bare_bench(Settings::default());
    let last = inspect(world.store.as_ref()).unwrap().last;
    bench.must(incident(&bench, &world, mark.head, last));
    bench.must(world.statement(1));
    assert_eq!(bench.ledger.resumption(&mark, |_| false).unwrap(), Resumption::ByIncident);
    // One that came later names another head, and says nothing about what was restored.
    let (world, mark) = marked(None);
    let mut bench = world.bare_bench(Settings::default());
    bench.must(world.statement(1));
    let head = bench.ledger.head().tree;
    bench.must(incident(&bench, &world, head, id_of(&world.statement(1))));
    assert_eq!(bench.ledger.resumption(&mark, |_| false).unwrap(), Resumption::IncidentMissing);
}

#[test]
fn a_mark_of_another_log_is_noticed() {
    let (world, mark) = marked(None);
    let longer = TreeHead { size: TreeSize::new(99), ..mark.head };
    let other = TreeHead { root: leaf_hash(b"other"), ..mark.head };
    for head in [longer, other] {
        let mark = RestoredMark { head, ..mark };
        assert_eq!(judged(&world, Settings::default(), &mark, &[]), Resumption::AnotherLog);
    }
}

#[test]
fn a_mark_comes_back_whole_and_every_other_is_refused() {
    let mark = RestoredMark {
        head: TreeHead { size: TreeSize::new(7), root: leaf_hash(b"root") },
        witnessed: false,
    };
    let bytes = mark.to_json();
    assert_eq!(RestoredMark::from_json(&bytes), Some(mark));
    for at in 0..bytes.len() {
        assert_eq!(RestoredMark::from_json(&bytes[..at]), None);
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x80;
        assert_eq!(RestoredMark::from_json(&damaged), None);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(RestoredMark::from_json(text.replace("\"version\":1", "\"version\":2").as_bytes()), None);
    assert_eq!(RestoredMark::from_json(format!("{text} ").as_bytes()), None);
}

#[test]
fn a_log_at_rest_is_inspected_as_opening_it_would() {
    let memory = Arc::new(MemoryStore::new());
    let world = World::on(Arc::<MemoryStore>::clone(&memory));
    let old = memory.copy();
    let mut bench = world.bench(Settings::default());
    bench.must(world.statement(1));
    bench.publisher.publish_newest().unwrap();
    let head = bench.ledger.head();
    drop(bench);
    let found = inspect(world.store.as_ref()).unwrap();
    assert_eq!((found.head, found.published), (head, head.tree.size));
    assert_eq!(found.last, id_of(&world.statement(1)));
    assert_eq!(found.identity.log_id, world.log_id);
    assert_eq!(found.operator.thumbprint(), proofs::Signer::public_key(&world.operator).thumbprint());
    // An older store beside the newest checkpoint, published or announced.
    let newest = memory.published().unwrap().unwrap();
    old.announce(&newest).unwrap();
    assert!(matches!(inspect(&old), Err(OpenError::Behind { .. })));
    assert!(matches!(inspect(&MemoryStore::new()), Err(OpenError::Empty)));
}
