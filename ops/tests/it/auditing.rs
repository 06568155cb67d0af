//! What an auditor needs, for every entry of a log (ARCH-24, D6, D12): the statement, what the decision needed
//! beyond it, and the times.

use ciborium::Value;
use conformance::cose::{self, Sign1};
use conformance::{LeafRule, Receipt};

use crate::log::Log;
use crate::machine;
use crate::server::Server;
use crate::statements::{Issuer, control_entries, entry, keys, verify};
use crate::wire::Connection;

/// The oldest judgement that the sequencer takes, in seconds (D5).
const MAX_AGE: u64 = 30;

#[test]
fn arch_24_arch_25_arch_26_arch_30_an_auditor_gets_every_statement_and_how_it_was_judged() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "audited");
    let mut entries = control_entries(&server);
    issuer.be_trusted(&log, &server);
    entries.extend(control_entries(&server).into_iter().skip(1));
    let mut connection = server.connect();
    for n in 0..20 {
        let statement = issuer.statement(n);
        let reply = connection.register(&statement).unwrap();
        assert_eq!(reply.status, 201, "{}", reply.problem());
        entries.push((verify(&entry(&statement), &reply.body, &keys(&server)).index, entry(&statement)));
    }
    entries.sort_unstable();
    let indices: Vec<u64> = entries.iter().map(|(index, _)| *index).collect();
    assert_eq!(indices, (0..25).collect::<Vec<u64>>());

    let mut before = 0;
    for (index, entry) in &entries {
        let id = data_encoding::HEXLOWER.encode(entry);
        let statement = fetch(&mut connection, &format!("/statements/{id}"));
        assert_eq!(LeafRule::Digest.entry(&statement).unwrap(), entry, "another statement at index {index}");
        assert_eq!(Sign1::read(&statement).unwrap().canonical(), statement, "not the canonical form");
        let receipt = fetch(&mut connection, &format!("/entries/{id}"));
        let registered = Receipt::read(&receipt).unwrap().issued_at.unwrap();

        let Value::Map(collateral) =
            cose::decode(&fetch(&mut connection, &format!("/statements/{id}/collateral"))).unwrap()
        else {
            panic!("the collateral of entry {index} is no map");
        };
        let number =
            |key| Some(u64::try_from(i128::from(cose::get(&collateral, key)?.as_integer()?)).unwrap());
        let policy = number(2);
        match index {
            0 => assert_eq!(policy, None, "the genesis was judged under a policy"),
            1 | 2 => {}
            3 | 4 => assert_eq!(policy, Some(1)),
            _ => assert_eq!((policy, number(3)), (Some(4), Some(3)), "entry {index}"),
        }
        let evaluated = number(4).unwrap();
        assert_eq!(number(5), Some(registered), "the receipt of entry {index} has another time");
        assert!(before <= registered, "entry {index} was registered before its predecessor");
        assert!(
            evaluated <= registered && before <= evaluated + MAX_AGE,
            "entry {index}: {evaluated} {registered}"
        );
        before = registered;
    }
    server.stop();
    log.assert_clean();
}

/// D1: the leaf is a digest, so that proofs say nothing of a statement, and the statement can come with its
/// receipt in one piece.
#[test]
fn arch_46_rcpt_21_the_leaf_is_a_digest_and_transparent_statements_carry_their_proof() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "wrapped");
    issuer.be_trusted(&log, &server);
    let keys = keys(&server);
    let statement = issuer.statement(1);
    let mut connection = server.connect();
    let reply = connection.register(&statement).unwrap();
    let receipt = Receipt::read(&reply.body).unwrap();
    assert!(receipt.verify_inclusion(&entry(&statement), &keys).is_ok());
    let whole = LeafRule::Statement.entry(&statement).unwrap();
    assert!(receipt.verify_inclusion(&whole, &keys).is_err(), "the leaf is the statement itself");

    let id = data_encoding::HEXLOWER.encode(&entry(&statement));
    let transparent = Sign1::read(&fetch(&mut connection, &format!("/statements/{id}/transparent"))).unwrap();
    let header = transparent.unprotected.as_map().unwrap();
    let receipts = cose::get(header, 394).and_then(Value::as_array).unwrap();
    assert_eq!((header.len(), receipts.len()), (1, 1));
    verify(&entry(&transparent.encode()), receipts[0].as_bytes().unwrap(), &keys);
    server.stop();
}

fn fetch(connection: &mut Connection, path: &str) -> Vec<u8> {
    let reply = connection.get(path).unwrap();
    assert_eq!(reply.status, 200, "{path}: {}", reply.problem());
    reply.body
}
