use super::super::look_at;
use super::*;
use crate::ReceiptState;
use crate::settings::Settings;
use crate::testing::{World, id_of};

#[test]
fn a_bug_while_judging_is_an_answer_of_its_own_and_stops_nothing() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let look = |_: &Shared| -> Result<Front, RegisterError> { panic!("a bug") };
    let outcome = bench.runtime.block_on(register(&bench.ledger, look, Wait::ForReceipt));
    assert!(matches!(outcome, Err(RegisterError::Internal(InternalError::Worker))), "{outcome:?}");
    bench.must(world.statement(1));
}

#[test]
fn d9_what_is_judged_after_its_deadline_says_so_with_its_id_and_may_be_committed() {
    let world = World::new();
    drop(world.bench(Settings::default()));
    let mut bench = world.bench(Settings { register_deadline_ms: 0, ..Settings::default() });
    let (statement, id) = (world.statement(1), id_of(&world.statement(1)));
    // The deadline is over before the first look, so nobody knows an id then.
    let look = move |shared: &Shared| look_at(shared, &statement);
    let outcome = bench.runtime.block_on(register(&bench.ledger, look, Wait::ForReceipt));
    assert!(matches!(outcome, Err(RegisterError::Deadline { id: named, .. }) if named == id), "{outcome:?}");
    bench.sequencer.step().unwrap();
    let state = bench.runtime.block_on(bench.ledger.receipt(id)).unwrap();
    assert!(matches!(state, ReceiptState::Issued { .. }));
}

#[test]
fn once_it_is_committed_the_deadline_is_met() {
    let world = World::new();
    let mut bench = world.bench(Settings::default());
    let (id, ..) = bench.must(world.statement(1));
    drop(bench);
    let bench = world.bench(Settings { register_deadline_ms: 0, ..Settings::default() });
    let statement = world.statement(1);
    let look = move |shared: &Shared| look_at(shared, &statement);
    let (registration, known) =
        bench.runtime.block_on(register(&bench.ledger, look, Wait::ForReceipt)).unwrap();
    assert!(known && matches!(registration, Registration::Issued { id: named, .. } if named == id));
}
