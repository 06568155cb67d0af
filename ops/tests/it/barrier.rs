//! The barrier of D5 from outside: whatever races with a change of policy, each entry stands under the newest
//! policy before it, and what that policy refuses never stands behind it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ciborium::Value;
use ledger::control::{LogRef, policy_statement};
use ledger::policy::{ContentTypeName, Policy};

use crate::log::Log;
use crate::machine::{self, until};
use crate::server::Server;
use crate::statements::{Issuer, control, entry, keys, verify};
use crate::wire::Connection;

const CLIENTS: u64 = 24;
const CHANGES: usize = 6;
/// How many answers of a kind the next change waits for.
const ENOUGH: u64 = 40;

const ALWAYS: &str = "application/json";
const SOMETIMES: &str = "text/plain";

/// What the clients have seen so far.
#[derive(Default)]
struct Counts {
    registered: AtomicU64,
    refused: AtomicU64,
    stop: AtomicBool,
}

/// A statement and where it landed, if it did.
struct Sent {
    statement: Vec<u8>,
    sometimes: bool,
    index: Option<u64>,
}

#[test]
fn arch_19_arch_20_what_a_policy_refuses_never_stands_behind_it() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "racing");
    issuer.be_trusted(&log, &server);
    let mut policies = BTreeSet::from([1, control(&server)["policy"]["index"].as_u64().unwrap()]);
    let first = *policies.last().unwrap();
    // From, inclusive, to, exclusive: where the narrow policy is in force.
    let mut narrow = Vec::new();

    let counts = Counts::default();
    let sent: Vec<Sent> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (server, issuer, counts) = (&server, &issuer, &counts);
                scope.spawn(move || race(client, server, issuer, counts))
            })
            .collect();
        for change in 0..CHANGES {
            let closing = change % 2 == 0;
            wait_for(if closing { &counts.registered } else { &counts.refused });
            let index = change_policy(&log, &server, closing.then_some(ALWAYS));
            policies.insert(index);
            match narrow.last_mut() {
                Some((_, end)) if !closing => *end = index,
                _ => narrow.push((index, u64::MAX)),
            }
        }
        wait_for(&counts.registered);
        counts.stop.store(true, Ordering::SeqCst);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(policies.len(), CHANGES + 2);

    let mut connection = server.connect();
    let (mut under, mut landed, mut refused) = (BTreeSet::new(), 0, 0);
    for one in &sent {
        let id = data_encoding::HEXLOWER.encode(&entry(&one.statement));
        let Some(index) = one.index else {
            refused += 1;
            let status = connection.get(&format!("/entries/{id}")).unwrap().status;
            assert_eq!(status, 404, "a refused statement is in the log");
            continue;
        };
        landed += 1;
        let newest = *policies.range(..index).next_back().unwrap();
        let judged = judged_under(&mut connection, &id);
        assert_eq!(judged, newest, "entry {index} was judged under the policy at {judged}");
        under.insert(judged);
        let forbidden = narrow.iter().any(|(from, to)| (*from..*to).contains(&index));
        assert!(!(one.sometimes && forbidden), "entry {index} stands behind the policy that refuses it");
    }
    machine::say(&format!("barrier: {landed} entries under policies {under:?}, {refused} refused"));
    let changed: BTreeSet<_> = policies.into_iter().filter(|index| *index >= first).collect();
    assert_eq!(under, changed, "some policy was never in force for any statement");
    server.stop();
    log.assert_clean();
}

/// Registers until told to stop, half of it of the kind that the narrow policy refuses.
fn race(client: u64, server: &Server, issuer: &Issuer, counts: &Counts) -> Vec<Sent> {
    let keys = keys(server);
    let mut connection = server.connect();
    let mut sent = Vec::new();
    let mut n = client << 32;
    while !counts.stop.load(Ordering::SeqCst) {
        n += 1;
        let sometimes = n.is_multiple_of(2);
        let statement = issuer.statement_of(n, if sometimes { SOMETIMES } else { ALWAYS });
        let reply = connection.register(&statement).unwrap();
        let index = match reply.status {
            201 => Some(verify(&entry(&statement), &reply.body, &keys).index),
            400 => {
                assert!(sometimes && reply.problem().starts_with("Rejected: "), "{}", reply.problem());
                None
            }
            // Judged three times, each time under a policy that was not the newest any more (D5).
            503 => continue,
            other => panic!("{other}: {}", reply.problem()),
        };
        if sometimes {
            let count = if index.is_some() { &counts.registered } else { &counts.refused };
            count.fetch_add(1, Ordering::SeqCst);
        }
        sent.push(Sent { statement, sometimes, index });
    }
    sent
}

/// Waits until a counter has gone on by some steps. A test that fails here ends when the server's watchdog ends the
/// clients.
fn wait_for(counter: &AtomicU64) {
    let enough = counter.load(Ordering::SeqCst) + ENOUGH;
    until("the clients go on", || counter.load(Ordering::SeqCst) >= enough);
}

/// Registers a policy that admits only this content type, or all; its index.
fn change_policy(log: &Log, server: &Server, content_type: Option<&str>) -> u64 {
    let known = control(server);
    let document = serde_json::to_vec(&known["policy"]["document"]).unwrap();
    let mut policy = Policy::from_json(&document).unwrap();
    for rule in &mut policy.rules {
        rule.content_types = content_type.map(|name| vec![ContentTypeName::Text(name.to_owned())]);
    }
    let log_id = known["log_id"].as_str().unwrap().parse().unwrap();
    let follows = known["policy"]["entry_id"].as_str().unwrap().parse().unwrap();
    let reference = LogRef { log_id, issuer: known["iss"].as_str().unwrap() };
    let statement = policy_statement(reference, follows, &policy, &log.key("operator"), None).unwrap();
    let reply = server.connect().register(&statement).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.problem());
    verify(&entry(&statement), &reply.body, &keys(server)).index
}

/// The policy that an entry's collateral names.
fn judged_under(connection: &mut Connection, id: &str) -> u64 {
    let reply = connection.get(&format!("/statements/{id}/collateral")).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.problem());
    let Value::Map(collateral) = conformance::cose::decode(&reply.body).unwrap() else {
        panic!("collateral is no map");
    };
    let policy = conformance::cose::get(&collateral, 2).and_then(Value::as_integer).unwrap();
    u64::try_from(i128::from(policy)).unwrap()
}
