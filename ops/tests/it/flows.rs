//! The answers that are neither a receipt nor a refusal: 202, 204, 413, 429, 503.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::log::Log;
use crate::machine;
use crate::server::Server;
use crate::statements::{Issuer, entry, id, keys, verify};
use crate::wire::{Reply, STATEMENT, head};

fn ready(settings: &[(&str, &str, &str)]) -> (Log, Server, Issuer) {
    let log = Log::create();
    let issuer = Issuer::new(&log, "patient");
    let server = Server::start(&log);
    issuer.be_trusted(&log, &server);
    server.stop();
    for (section, name, value) in settings {
        log.set(section, name, value);
    }
    let server = Server::start(&log);
    (log, server, issuer)
}

fn seconds_to_wait(reply: &Reply) -> u64 {
    let wait = reply.header("retry-after").unwrap_or_else(|| panic!("{} without Retry-After", reply.status));
    wait.parse().unwrap()
}

#[test]
fn scr_24_scr_25_scr_29_a_client_that_does_not_wait_finds_its_receipt() {
    let _machine = machine::shared();
    let (log, server, issuer) = ready(&[]);
    let keys = keys(&server);
    let mut connection = server.connect();
    for n in 0..20 {
        let statement = issuer.statement(n);
        let headers = [STATEMENT[0], ("prefer", "respond-async")];
        let reply = connection.request("POST", "/entries", &headers, &statement).unwrap();
        assert_eq!((reply.status, reply.body.len()), (202, 0), "{}", reply.problem());
        assert_eq!(reply.header("content-length"), Some("0"));
        seconds_to_wait(&reply);
        let location = reply.header("location").unwrap();
        assert!(location.ends_with(&format!("/entries/{}", id(&statement))), "{location}");
        // Acknowledged means integrated (D9): the next answer is the receipt or 204, never 404.
        let path = format!("/entries/{}", id(&statement));
        let receipt = loop {
            let reply = connection.get(&path).unwrap();
            match reply.status {
                200 => break reply,
                204 => seconds_to_wait(&reply),
                other => panic!("an acknowledged entry answered {other}: {}", reply.problem()),
            };
        };
        verify(&entry(&statement), &receipt.body, &keys);
        let again = connection.register(&statement).unwrap();
        assert_eq!((again.status, again.header("location")), (201, Some(location)));
    }
    server.stop();
    log.assert_clean();
}

/// SCR-34: over the configured limit 429, with the draft's title and detail.
#[test]
fn scr_33_scr_34_over_the_rate_is_429() {
    let _machine = machine::shared();
    let (_log, server, issuer) =
        ready(&[("limits", "rate_requests", "7"), ("limits", "rate_period_s", "3600")]);
    let mut connection = server.connect();
    let mut answers = Vec::new();
    for n in 0..12 {
        answers.push(connection.register(&issuer.statement(n)).unwrap());
    }
    let statuses: Vec<_> = answers.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [[201; 7].as_slice(), &[429; 5]].concat());
    let refused = answers.last().unwrap();
    assert_eq!(refused.problem(), "Too Many Requests: Only 7 requests per hour are allowed.");
    assert!(seconds_to_wait(refused) > 0);
    server.stop();
}

/// A crowd before a narrow door: whoever is turned away is told when to come back, and then gets in.
#[test]
fn scr_33_a_full_mailbox_is_503_and_a_retry_gets_in() {
    let _machine = machine::shared();
    let narrow = [("ledger", "mailbox_entries", "1"), ("ledger", "round_entries", "1")];
    let (log, server, issuer) = ready(&narrow);
    let keys = keys(&server);
    let (start, turned_away) = (Barrier::new(64), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..64 {
            let (server, issuer, keys, start, turned_away) = (&server, &issuer, &keys, &start, &turned_away);
            scope.spawn(move || {
                let mut connection = server.connect();
                start.wait();
                for n in 0..8 {
                    let statement = issuer.statement(client * 100 + n);
                    let receipt = loop {
                        let reply = connection.register(&statement).unwrap();
                        if reply.status == 201 {
                            break reply.body;
                        }
                        assert_eq!(reply.status, 503, "{}", reply.problem());
                        seconds_to_wait(&reply);
                        turned_away.fetch_add(1, Ordering::Relaxed);
                    };
                    verify(&entry(&statement), &receipt, keys);
                }
            });
        }
    });
    machine::say(&format!("full mailbox: {} answers of 503", turned_away.load(Ordering::Relaxed)));
    assert!(turned_away.load(Ordering::Relaxed) > 0, "nobody was turned away");
    server.stop();
    log.assert_clean();
}

/// D9: the deadline passed before the commit. Nothing was promised, and the retry is idempotent.
#[test]
fn scr_25_a_deadline_that_passes_is_503_with_a_location() {
    let _machine = machine::shared();
    let hasty = [("ledger", "register_deadline_ms", "1"), ("ledger", "round_entries", "1")];
    let (log, server, issuer) = ready(&hasty);
    let (start, late) = (Barrier::new(64), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..64 {
            let (server, issuer, start, late) = (&server, &issuer, &start, &late);
            scope.spawn(move || {
                let mut connection = server.connect();
                start.wait();
                for n in 0..4 {
                    let statement = issuer.statement(client * 100 + n);
                    let path = format!("/entries/{}", id(&statement));
                    loop {
                        let reply = connection.register(&statement).unwrap();
                        let location = reply.header("location").map(str::to_owned);
                        assert!(location.as_ref().is_none_or(|url| url.ends_with(&path)), "{location:?}");
                        match reply.status {
                            201 => break,
                            503 => {
                                seconds_to_wait(&reply);
                                late.fetch_add(usize::from(location.is_some()), Ordering::Relaxed);
                            }
                            other => panic!("{other}: {}", reply.problem()),
                        }
                        // What was committed after all is there; what was not, is not.
                        let status = connection.get(&path).unwrap().status;
                        assert!([200, 204, 404].contains(&status), "{status}");
                    }
                }
            });
        }
    });
    machine::say(&format!("deadline: {} answers of 503 with a Location", late.load(Ordering::Relaxed)));
    assert!(late.load(Ordering::Relaxed) > 0, "no deadline passed");
    server.stop();
    log.assert_clean();
}

/// The answer comes when the head of the request is in; nobody has to send the body first.
#[test]
fn scr_06_a_body_over_the_limit_is_413_before_it_is_sent() {
    let _machine = machine::shared();
    let (_log, server, issuer) = ready(&[]);
    let mut connection = server.connect();
    connection.send_raw(head("POST", "/entries", STATEMENT, (1 << 20) + 1).as_bytes()).unwrap();
    let reply = connection.receive().unwrap();
    assert_eq!(reply.status, 413, "{}", reply.problem());
    assert_eq!(reply.header("content-type"), Some(conformance::PROBLEM_MEDIA_TYPE));

    // Without a length, it ends where the limit is passed.
    let mut connection = server.connect();
    let chunked = "POST /entries HTTP/1.1\r\nhost: h\r\ncontent-type: application/cose\r\n\
                   transfer-encoding: chunked\r\n\r\n";
    connection.send_raw(chunked.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![0; 0x10000], b"\r\n"].concat();
    for _ in 0..40 {
        if connection.send_raw(&chunk).is_err() {
            break;
        }
    }
    if let Ok(reply) = connection.receive() {
        assert_eq!(reply.status, 413, "{}", reply.problem());
    }
    let reply = server.connect().register(&issuer.statement(1)).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.problem());
    server.stop();
}
