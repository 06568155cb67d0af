//! Opening a log: governance from its control statements.

use super::*;

#[test]
fn arch_18_governance_is_replayed_from_the_log() {
    let mut world = World::new();
    let policy = world.policy_statement(&world.closed_policy());
    world.register(&policy).unwrap();
    let mut all = world.statements.to_vec();
    all.push(policy);
    let opened = open(&all).unwrap();
    assert_eq!(opened.describe(), world.governance.describe());
    assert_eq!(opened.identity(), world.governance.identity());
    assert_eq!(opened.identity().log_id, parse(&world.statements[0]).entry_id());
}

#[test]
fn a_log_whose_control_statements_do_not_fit_does_not_open() {
    let world = World::new();
    let other = World::new();
    let [genesis, policy, anchors] = world.statements.clone();
    let [foreign, foreign_policy, _] = other.statements.clone();
    let refused = |statements: &[&Vec<u8>]| {
        let statements: Vec<Vec<u8>> = statements.iter().map(|bytes| (*bytes).clone()).collect();
        open(&statements).unwrap_err()
    };
    assert_eq!(refused(&[&genesis]), GovernanceError::Incomplete);
    assert_eq!(refused(&[&genesis, &policy]), GovernanceError::Incomplete);
    assert!(
        matches!(refused(&[&genesis, &anchors, &policy]), GovernanceError::Order { index } if index.get() == 1)
    );
    assert!(
        matches!(refused(&[&genesis, &foreign_policy, &anchors]), GovernanceError::Control { index, .. } if index.get() == 1)
    );
    assert!(matches!(refused(&[&foreign, &policy, &anchors]), GovernanceError::Control { .. }));
    assert!(
        matches!(refused(&[&genesis, &policy, &policy]), GovernanceError::Control { index, .. } if index.get() == 2)
    );
    assert!(matches!(refused(&[&policy, &policy, &anchors]), GovernanceError::NotGenesis(_)));
    assert!(matches!(refused(&[&signed(ACME, &ed25519())]), GovernanceError::NotGenesis(_)));
    // A genesis statement signed by another key than the operator's in it.
    let payload = world.genesis.to_json().unwrap();
    let kid = world.operator.public_key().thumbprint();
    let builder = || {
        StatementBuilder::new(SERVICE, control::GENESIS_SUBJECT)
            .content_type(ContentType::Text(GENESIS_CT.into()))
    };
    let stranger = builder().sign(&payload, &ed25519()).unwrap();
    assert!(matches!(
        refused(&[&stranger]),
        GovernanceError::NotGenesis(ControlFault::NotTheOperator { .. })
    ));
    let forged = builder()
        .extra(Label::Int(4), Value::Bytes(kid.as_bytes().to_vec()))
        .sign(&payload, &ed25519())
        .unwrap();
    assert_eq!(refused(&[&forged]), GovernanceError::GenesisSignature);
}

#[test]
fn d3_the_first_policy_is_closed() {
    let world = World::new();
    let log_id = world.governance.identity().log_id;
    let mut rule = Rule::new("dids", crate::governance::tests::world::below("did:key"), vec![]);
    rule.self_certified = vec![crate::trust::SelfCertifying::DidKey];
    let policy = Policy { rules: vec![rule], ..world.closed_policy() };
    let log = LogRef { log_id, issuer: SERVICE };
    let policy = control::policy_statement(log, log_id, &policy, &world.operator, None).unwrap();
    let statements = [world.statements[0].clone(), policy, world.statements[2].clone()];
    assert_eq!(open(&statements).unwrap_err(), GovernanceError::FirstPolicyOpen);
}

#[test]
fn d3_each_control_statement_is_in_its_place() {
    let world = World::new();
    let [genesis, policy, anchors] = &world.statements;
    let log_id = world.governance.identity().log_id;
    let log = LogRef { log_id, issuer: SERVICE };
    let again = control::policy_statement(
        log,
        parse(policy).entry_id(),
        &world.closed_policy(),
        &world.operator,
        None,
    )
    .unwrap();
    let opened = |controls: &[(u64, &[u8])]| {
        let controls = controls.iter().map(|(index, bytes)| (LeafIndex::new(*index), parse(bytes)));
        crate::governance::Governance::open(&parse(genesis), controls)
    };
    opened(&[(1, policy), (2, anchors), (3, &again)]).unwrap();
    for (controls, out_of_place) in [
        (&[(2, policy.as_slice())][..], 2),
        (&[(1, policy), (2, &again), (3, anchors)], 2),
        (&[(1, policy), (3, anchors)], 3),
        (&[(1, policy), (2, anchors), (2, &again)], 2),
        (&[(1, policy), (2, anchors), (1, &again)], 1),
    ] {
        let index = LeafIndex::new(out_of_place);
        assert_eq!(opened(controls).unwrap_err(), GovernanceError::Order { index });
    }
}
