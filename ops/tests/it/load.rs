//! A crowd: 200 clients, 20,000 statements of several issuers, a receipt for each.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::Instant;

use conformance::Oracle;

use crate::log::Log;
use crate::machine;
use crate::server::Server;
use crate::statements::{Issuer, Place, control_entries, entry, keys, verify};

const CLIENTS: usize = 200;
const EACH: usize = 100;
const ISSUERS: usize = 4;
const MEMORY: u64 = 1 << 30;

#[test]
fn arch_33_two_hundred_clients_get_twenty_thousand_receipts() {
    let _machine = machine::alone();
    let log = Log::create();
    let server = Server::start(&log);
    let mut entries: BTreeMap<u64, [u8; 32]> = control_entries(&server).into_iter().collect();
    let issuers: Vec<_> = (0..ISSUERS).map(|n| Issuer::new(&log, &format!("load-{n}"))).collect();
    for issuer in &issuers {
        issuer.be_trusted(&log, &server);
        entries.extend(control_entries(&server));
    }
    let work: Vec<Vec<Vec<u8>>> = (0..CLIENTS)
        .map(|client| {
            let number = |n: usize| u64::try_from(client * EACH + n).unwrap();
            (0..EACH).map(|n| issuers[client % ISSUERS].statement(number(n))).collect()
        })
        .collect();

    let (receipts, seconds) = register_all(&server, &work);
    let count = CLIENTS * EACH;
    assert_eq!(receipts.len(), count);
    let rate = f64::from(u32::try_from(count).unwrap()) / seconds;
    let peak = server.peak_memory();
    machine::say(&format!(
        "load: {count} registrations by {CLIENTS} clients in {seconds:.1} s: {rate:.0} registrations per second; \
         peak memory of the server {} MiB",
        peak >> 20
    ));
    if rate < 1000.0 {
        machine::say("load: that is below the 1,000 a second that two cores should reach");
    }
    assert!(peak < MEMORY, "the server took {} MiB", peak >> 20);

    let keys = keys(&server);
    let heads = check(&work, &receipts, &keys, &mut entries);
    let mut oracle = Oracle::of(entries.values());
    for (size, root) in heads {
        assert_eq!(oracle.root(size), Some(root), "the root signed at size {size}");
    }
    server.stop();
    log.assert_clean();
}

/// Every client registers its list; the receipts with the numbers of client and statement, and the time.
fn register_all(server: &Server, work: &[Vec<Vec<u8>>]) -> (Vec<(usize, usize, Vec<u8>)>, f64) {
    let ready = Barrier::new(work.len() + 1);
    std::thread::scope(|scope| {
        let clients: Vec<_> = work
            .iter()
            .enumerate()
            .map(|(client, list)| {
                let ready = &ready;
                scope.spawn(move || {
                    let mut connection = server.connect();
                    ready.wait();
                    let register = |(n, statement): (usize, &Vec<u8>)| {
                        let reply = connection.register(statement).unwrap();
                        assert_eq!(reply.status, 201, "{}", reply.problem());
                        (client, n, reply.body)
                    };
                    list.iter().enumerate().map(register).collect::<Vec<_>>()
                })
            })
            .collect();
        ready.wait();
        let start = Instant::now();
        let receipts = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        (receipts, start.elapsed().as_secs_f64())
    })
}

/// Verifies all receipts, on both cores; the roots signed, by size. Puts every statement's entry at its index.
fn check(
    work: &[Vec<Vec<u8>>],
    receipts: &[(usize, usize, Vec<u8>)],
    keys: &proofs::KeySet,
    entries: &mut BTreeMap<u64, [u8; 32]>,
) -> BTreeMap<u64, proofs::Hash> {
    let verify_all = |part: &[(usize, usize, Vec<u8>)]| -> Vec<([u8; 32], Place)> {
        let one = |(client, n, receipt): &(usize, usize, Vec<u8>)| {
            let entry = entry(&work[*client][*n]);
            (entry, verify(&entry, receipt, keys))
        };
        part.iter().map(one).collect()
    };
    let (left, right) = receipts.split_at(receipts.len() / 2);
    let verified = std::thread::scope(|scope| {
        let other = scope.spawn(|| verify_all(left));
        let mut all = verify_all(right);
        all.extend(other.join().unwrap());
        all
    });
    let mut heads = BTreeMap::new();
    for (entry, place) in verified {
        let held = entries.insert(place.index, entry);
        assert_eq!(held, None, "two entries at index {}", place.index);
        let root = *heads.entry(place.size).or_insert(place.root);
        assert_eq!(root, place.root, "two roots signed at size {}", place.size);
    }
    for (expected, index) in (0..).zip(entries.keys()) {
        assert_eq!(*index, expected, "the indices have a gap");
    }
    heads
}
