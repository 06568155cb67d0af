//! One statement, one entry (D7, SCR-26), however many send it and in however many forms.

use std::collections::HashSet;
use std::sync::Barrier;

use conformance::cose::Sign1;
use ledger::signer::KeyAlgorithm;

use crate::log::Log;
use crate::machine;
use crate::server::Server;
use crate::statements::{Issuer, entry, id, keys, verify};

const CLIENTS: usize = 50;

#[test]
fn scr_26_fifty_clients_at_once_get_fifty_receipts_for_one_entry() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "twice");
    issuer.be_trusted(&log, &server);
    let keys = keys(&server);
    for n in 0..10 {
        let statement = issuer.statement(n);
        let start = Barrier::new(CLIENTS);
        let replies: Vec<_> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut connection = server.connect();
                        start.wait();
                        connection.register(&statement).unwrap()
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let mut indices = HashSet::new();
        let mut locations = HashSet::new();
        for reply in &replies {
            assert_eq!(reply.status, 201, "{}", reply.problem());
            indices.insert(verify(&entry(&statement), &reply.body, &keys).index);
            locations.insert(reply.header("location").unwrap().to_owned());
        }
        assert_eq!((indices.len(), locations.len()), (1, 1), "{indices:?} {locations:?}");
        assert!(locations.iter().next().unwrap().ends_with(&id(&statement).to_string()));
    }
    server.stop();
    log.assert_clean();
}

/// Anybody can turn an ECDSA signature (r, s) into (r, n - s); that must not make a second entry.
#[test]
fn arch_28_the_ecdsa_twin_of_a_statement_is_refused_and_named() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let mut connection = server.connect();
    for (name, algorithm, order) in [("p256", KeyAlgorithm::Es256, P256), ("p384", KeyAlgorithm::Es384, P384)]
    {
        let issuer = Issuer::with_algorithm(&log, name, algorithm);
        issuer.be_trusted(&log, &server);
        for n in 0..4 {
            let statement = issuer.statement(n);
            let twin = twin(&statement, order);
            assert_ne!(id(&statement), id(&twin));
            // Whichever comes first is registered, be its s high or low.
            let (first, second) = if n % 2 == 0 { (&statement, &twin) } else { (&twin, &statement) };
            let reply = connection.register(first).unwrap();
            assert_eq!(reply.status, 201, "{}", reply.problem());
            let reply = connection.register(second).unwrap();
            assert_eq!(reply.status, 400, "a twin was not refused");
            let problem = reply.problem();
            assert!(problem.starts_with("Rejected: "), "{problem}");
            assert!(problem.contains(&id(first).to_string()), "the id of the first is not named: {problem}");
            assert_eq!(connection.get(&format!("/entries/{}", id(second))).unwrap().status, 404);
            assert_eq!(connection.register(first).unwrap().status, 201);
        }
    }
    server.stop();
    log.assert_clean();
}

/// Orders of the curves' groups (SEC 2 §2.4.2 and §2.5.1).
const P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

fn twin(statement: &[u8], order: &str) -> Vec<u8> {
    let order = data_encoding::HEXLOWER.decode(order.as_bytes()).unwrap();
    let mut message = Sign1::read(statement).unwrap();
    let middle = message.signature.len() / 2;
    let mut borrow = 0;
    for (s, n) in message.signature[middle..].iter_mut().zip(&order).rev() {
        let difference = i16::from(*n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *s = u8::try_from(difference + 256 * borrow).unwrap();
    }
    message.encode()
}
