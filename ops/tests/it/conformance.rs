//! The suite of the `conformance` room against the real binary, once for each algorithm of receipts.

use std::time::Duration;

use conformance::{Caps, Fixtures, LeafRule, Refused, Report, Target};
use proofs::Signer;
use proofs::note::ed25519_vkey;

use crate::log::{Log, SERVICE};
use crate::machine;
use crate::server::Server;
use crate::statements::{Issuer, control_entries};

fn run(algorithm: &str) -> Report {
    let log = Log::create_with(&["--receipt-alg", algorithm]);
    let server = Server::start(&log);
    let mut entries = control_entries(&server);
    let (known, stranger) = (Issuer::new(&log, "known"), Issuer::new(&log, "stranger"));
    known.be_trusted(&log, &server);
    entries.extend(control_entries(&server).into_iter().filter(|(index, _)| *index > 2));
    entries.sort_unstable();
    entries.dedup();
    let checkpoint = String::from_utf8(server.connect().get("/checkpoint").unwrap().body).unwrap();
    let origin = checkpoint.lines().next().unwrap();
    let public = log.key("checkpoints").public_key().ed25519_bytes().unwrap();
    // A key that the log knows, in the name of somebody else.
    let impostor = Issuer { name: "https://other.example".into(), ..Issuer::new(&log, "impostor") };
    let fixtures = Fixtures {
        statements: (0..40).map(|n| known.statement(n)).collect(),
        refused: vec![
            Refused {
                why: "an issuer that nobody registered".into(),
                statement: stranger.statement(1),
                title: "Unknown Issuer Key".into(),
            },
            Refused {
                why: "an issuer under a name that is not its own".into(),
                statement: impostor.statement(1),
                title: "Unknown Issuer Key".into(),
            },
        ],
        leaf_rule: LeafRule::Digest,
        service: Some(SERVICE.into()),
        checkpoint_key: Some(ed25519_vkey(origin, &public).unwrap().to_string()),
        entries: Some(entries.into_iter().map(|(_, entry)| entry.to_vec()).collect()),
        max_body_bytes: Some(1 << 20),
    };
    let report = conformance::run(
        &Target::new(&server.url, Caps { timeout: Duration::from_secs(600), ..Caps::default() }),
        &fixtures,
    );
    server.stop();
    log.assert_clean();
    report
}

/// The checks carry the ids of their requirements in their names; see `conformance/README.md`.
#[test]
fn rcpt_13_the_service_conforms_with_every_receipt_algorithm() {
    let _machine = machine::shared();
    for algorithm in ["eddsa", "es256", "ed25519", "esp256"] {
        let report = run(algorithm);
        let open: Vec<_> = report.not_checked().map(|finding| finding.check).collect();
        assert!(report.is_conformant(), "{algorithm}: {report}");
        // Kids are digests, so none is safe in a path; receipts are there as soon as the entry is.
        let expected = [
            "scr_15_keys_are_found_by_raw_kid_where_that_is_safe",
            "scr_29_running_registrations_answer_204_or_a_receipt",
        ];
        for check in open {
            assert!(expected.contains(&check), "{algorithm}: {report}");
        }
    }
}
