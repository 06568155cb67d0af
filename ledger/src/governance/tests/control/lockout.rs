//! Changing the operator key without losing it (D4).

use super::*;

fn policy_for(key: &PublicKey) -> Policy {
    Policy::closed(key.clone())
}

fn log(world: &World) -> LogRef<'_> {
    world.governance.identity().into()
}

#[test]
fn d4_a_new_operator_that_has_accepted_takes_over() {
    for kind in [KeyAlgorithm::Ed25519, KeyAlgorithm::Es256, KeyAlgorithm::Es384] {
        let mut world = World::new();
        let new = PrivateKey::generate(kind).unwrap();
        let follows = world.governance.policy_id();
        let policy = policy_for(new.public_key());
        let statement =
            control::policy_statement(log(&world), follows, &policy, &world.operator, Some(&new)).unwrap();
        world.register(&statement).unwrap();
        // The old one is out, for anchors as well.
        let old = world.anchors_statement(vec![], vec![]);
        assert!(matches!(rejected(&world, &old), ControlFault::NotTheOperator { .. }));
        world.operator = new;
        world.add(vec![]);
        world.set_rules(vec![]);
    }
}

#[test]
fn d4_a_policy_that_would_lock_its_operator_out_is_rejected() {
    let world = World::new();
    let (log_id, follows) = (world.governance.identity().log_id, world.governance.policy_id());
    let new = ed25519();
    let payload = policy_for(new.public_key()).to_json().unwrap();
    let with = |acceptance: Option<Value>| {
        let mut builder = policy_by_hand(&world);
        if let Some(acceptance) = acceptance {
            builder = builder.extra(acceptance_label(), acceptance);
        }
        builder.sign(&payload, &world.operator).unwrap()
    };
    assert_eq!(rejected(&world, &with(None)), ControlFault::NotAccepted);
    let over = |log: &EntryId, follows: &EntryId, payload: &[u8], key: &PrivateKey| {
        Some(Value::Bytes(key.sign(&acceptance_message(log, follows, payload)).unwrap()))
    };
    let other = EntryId::from_bytes([9; 32]);
    for wrong in [
        over(&other, &follows, &payload, &new),
        over(&log_id, &other, &payload, &new),
        over(&log_id, &follows, b"other", &new),
        over(&log_id, &follows, &payload, &world.operator),
        Some(Value::Bytes(vec![])),
        Some(Value::Bytes(new.sign(&payload).unwrap())),
        Some(Value::Text("yes".into())),
    ] {
        assert_eq!(rejected(&world, &with(wrong)), ControlFault::BadAcceptance);
    }
    world.judge(&with(over(&log_id, &follows, &payload, &new))).unwrap();
}

#[test]
fn d19_the_operator_key_is_none_of_the_services_other_keys() {
    let world = World::new();
    for (role, key) in [
        ("receipts", &world.genesis.receipts),
        ("checkpoints", &world.genesis.checkpoints),
        ("registrar", &world.genesis.registrar),
    ] {
        let payload = policy_for(key).to_json().unwrap();
        let statement = policy_by_hand(&world).sign(&payload, &world.operator).unwrap();
        assert_eq!(rejected(&world, &statement), ControlFault::SharedKey { role });
    }
}

#[test]
fn the_maker_asks_for_the_new_key() {
    let world = World::new();
    let follows = world.governance.policy_id();
    let policy = policy_for(ed25519().public_key());
    let make = |new: Option<&dyn Signer>| {
        control::policy_statement(log(&world), follows, &policy, &world.operator, new).unwrap_err()
    };
    assert!(matches!(make(None), MakeError::NewOperatorMissing));
    assert!(matches!(make(Some(&ed25519())), MakeError::NewOperatorDiffers));
    let genesis = control::genesis_statements(&world.genesis, &ed25519()).unwrap_err();
    assert!(matches!(genesis, MakeError::NotTheOperator));
}
