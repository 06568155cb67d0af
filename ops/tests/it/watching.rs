//! Mirror, monitor and auditor against a running service, and against one that lies in between.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use proofs::note::ed25519_vkey;
use proofs::{Signer, TreeHead, TreeSize, sha256};
use serde_json::Value;

use crate::keeping::wait_for_checkpoint;
use crate::log::{Log, both, clear_line, stele, succeed};
use crate::machine::{self, awaited};
use crate::server::Server;
use crate::statements::{Issuer, MARKER, control, id};

/// A service with statements of one issuer, and its checkpoint key.
struct Watched {
    log: Log,
    server: Server,
    origin: String,
    vkey: String,
}

fn watched(statements: u64) -> Watched {
    let log = Log::create();
    log.set("ledger", "checkpoint_interval_ms", "1");
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "watched");
    issuer.be_trusted(&log, &server);
    let mut connection = server.connect();
    for n in 0..statements {
        assert_eq!(connection.register(&issuer.statement(n)).unwrap().status, 201);
    }
    wait_for_checkpoint(&server, statements + 5);
    let origin = control(&server)["origin"].as_str().unwrap().to_owned();
    let key = log.key("checkpoints").public_key().ed25519_bytes().unwrap();
    let vkey = ed25519_vkey(&origin, &key).unwrap().to_string();
    Watched { log, server, origin, vkey }
}

type Change = dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync;

/// Somebody between a service and its readers, who changes the answers; where.
fn between(service: SocketAddr, change: Arc<Change>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let change = Arc::clone(&change);
            std::thread::spawn(move || pass_on(stream, service, change.as_ref()));
        }
    });
    url
}

fn pass_on(mut stream: TcpStream, service: SocketAddr, change: &Change) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1)?.to_owned();
    let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let mut reply = agent.get(format!("http://{service}{path}")).call().ok()?;
    let body = change(&path, reply.body_mut().read_to_vec().ok()?);
    let (status, length) = (reply.status().as_u16(), body.len());
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).ok()
}

#[test]
fn arch_24_a_service_is_mirrored_monitored_and_audited_from_outside() {
    let _machine = machine::shared();
    let Watched { log, server, vkey, .. } = watched(300);
    let (url, vkey) = (server.url.as_str(), vkey.as_str());

    let copy = log.beside("copy");
    let mirror = ["mirror", copy.to_str().unwrap(), "--url", url, "--vkey", vkey, "--json"];
    let done: Value = serde_json::from_str(&succeed(&mirror)).unwrap();
    assert_eq!((&done["tree_size"], &done["added"]), (&305.into(), &305.into()));
    for name in ["checkpoint", "tile/0/000", "tile/0/001.p/49", "tile/1/000.p/1", "tile/entries/001.p/49"] {
        assert!(copy.join(name).is_file(), "{name}");
    }
    let again: Value = serde_json::from_str(&succeed(&mirror)).unwrap();
    assert_eq!(again["added"], 0);

    let (state, rules) = (log.beside("monitor.json"), log.beside("rules.toml"));
    fs::write(
        &rules,
        "[[rule]]\nname = 'one'\nsubject = ['urn:example:thing:7']\n\n[[rule]]\nname = 'c'\ncontrol = true\n",
    )
    .unwrap();
    let (state, rules) = (state.to_str().unwrap(), rules.to_str().unwrap());
    let monitor = ["monitor", "--url", url, "--vkey", vkey, "--state", state, "--rules", rules, "--once"];
    let said = succeed(&monitor);
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&events[0]["event"], &events[0]["tree_size"]), (&"head".into(), &305.into()));
    let found: Vec<_> =
        events[1..].iter().map(|event| (&event["rule"], event["leaf_index"].as_u64())).collect();
    let control = |index| (Value::from("c"), Some(index));
    let wanted = [control(0), control(1), control(2), control(3), control(4), ("one".into(), Some(12))];
    assert!(found.iter().map(|(rule, at)| ((*rule).clone(), *at)).eq(wanted), "{said}");
    assert_eq!(succeed(&monitor), "");

    let audit = ["audit", "--url", url, "--vkey", vkey, "--json"];
    let report: Value = serde_json::from_str(&succeed(&audit)).unwrap();
    assert_eq!((&report["clean"], &report["judged"]), (&true.into(), &305.into()), "{report}");
    let report: Value = serde_json::from_str(&succeed(&[&audit[..], &["--tree-only"]].concat())).unwrap();
    assert_eq!(
        (&report["clean"], &report["entries"], &report["judged"]),
        (&true.into(), &305.into(), &0.into())
    );
    server.stop();
}

#[test]
fn proof_02_a_tlog_proof_is_verified_offline_with_a_pinned_key_and_its_policy() {
    let _machine = machine::shared();
    let Watched { log, server, vkey, .. } = watched(3);
    let issuer = Issuer::new(&log, "proven");
    issuer.be_trusted(&log, &server);
    let statement = issuer.statement(9);
    let mut connection = server.connect();
    assert_eq!(connection.register(&statement).unwrap().status, 201);
    let path = format!("/entries/{}/tlog-proof", id(&statement));
    let proof = awaited("a proof under a checkpoint", || {
        let reply = connection.get(&path).unwrap();
        (reply.status == 200).then_some(reply.body)
    });
    server.stop();
    let file = |name: &str, bytes: &[u8]| {
        let path = log.beside(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (signed, proof_file) = (file("s.cose", &statement), file("s.tlog-proof", &proof));
    let words = ["verify", "--statement", &signed, "--tlog-proof", &proof_file];
    let text =
        succeed(&[&words[..], &["--vkey", &vkey, "--issuer-key", issuer.file.to_str().unwrap()]].concat());
    assert!(text.ends_with("VALID: the statement is registered\n"), "{text}");
    assert!(text.contains("it is leaf 10 of 11"), "{text}");

    let policy = format!("log {vkey}\nquorum none\n");
    succeed(&[&words[..], &["--policy", &file("none.policy", policy.as_bytes())]].concat());
    let witness = ed25519_vkey("w.example", &issuer.key.public_key().ed25519_bytes().unwrap()).unwrap();
    // The same key as a cosigner's, type 0x04.
    let key = issuer.key.public_key().ed25519_bytes().unwrap();
    let digest = sha256(&[b"w.example\n\x04".as_slice(), &key].concat());
    let (hex, typed) =
        (data_encoding::HEXLOWER.encode(&digest.as_bytes()[..4]), [&[4_u8][..], &key].concat());
    let cosigner = format!("{}+{hex}+{}", witness.name(), data_encoding::BASE64.encode(&typed));
    let policy = format!("log {vkey}\nwitness w {cosigner}\nquorum w\n");
    let output = stele(&[&words[..], &["--policy", &file("w.policy", policy.as_bytes())]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("0 witnesses cosigned the checkpoint")
            && text.ends_with("NOT VALID: witnesses failed\n"),
        "{text}"
    );

    // Another statement under the same proof.
    let other = file("other.cose", &issuer.statement(10));
    let words = ["verify", "--statement", &other, "--tlog-proof", &proof_file, "--vkey", &vkey];
    let output = stele(&words);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("NOT VALID: inclusion failed\n"));
}

#[test]
fn attacks_between_a_service_and_its_watchers_are_named() {
    let _machine = machine::shared();
    let Watched { log, server, origin, vkey } = watched(20);
    let vkey = vkey.as_str();

    // A statement replaced under its id.
    let forged = between(
        server.address,
        Arc::new(|path, mut body| {
            let at = body.windows(MARKER.len()).position(|window| window == MARKER.as_bytes());
            if let Some(at) = at.filter(|_| path.starts_with("/statements?")) {
                body[at] ^= 1;
            }
            body
        }),
    );
    let output = stele(&["audit", "--url", &forged, "--vkey", vkey]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("DISCREPANCY entry 5: the stored statement is not the one that was hashed"),
        "{text}"
    );

    // A bundle with one flipped bit.
    let flipped = between(
        server.address,
        Arc::new(|path, mut body| {
            if path.starts_with("/tile/entries/") {
                body[100] ^= 1;
            }
            body
        }),
    );
    for words in
        [&["audit", "--tree-only"][..], &["audit"], &["mirror", log.beside("copy").to_str().unwrap()]]
    {
        let output = stele(&[words, &["--url", &flipped, "--vkey", vkey]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", both(&output));
        let line = clear_line(&output);
        assert!(line.ends_with("at size 25: bundle 0 does not hold the entries of the tree"), "{line}");
    }

    // Two roots at one size.
    let head = TreeHead { size: TreeSize::new(25), root: sha256(b"another history") };
    let checkpoint = Checkpoint { origin: Origin::new(&origin).unwrap(), head };
    let other = sign_checkpoint(&checkpoint, &log.key("checkpoints")).unwrap().into_bytes();
    let forked = between(
        server.address,
        Arc::new(move |path, body| if path == "/checkpoint" { other.clone() } else { body }),
    );
    let state = log.beside("monitor.json");
    let words = ["monitor", "--vkey", vkey, "--state", state.to_str().unwrap(), "--once", "--url"];
    succeed(&[&words[..], &[&server.url]].concat());
    let output = stele(&[&words[..], &[&forked]].concat());
    assert_eq!(output.status.code(), Some(4), "{}", both(&output));
    assert!(clear_line(&output).contains("the log signed two roots at size 25: "));
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"event\":\"equivocation\""));
    assert_eq!(log.beside("monitor.json.evidence").read_dir().unwrap().count(), 1);
    server.stop();
}

/// D12, D20: a log that keeps its statements to itself shows the digests of its collateral and what they fold to, so
/// that nobody needs to be let in to see that none was rewritten.
#[test]
fn d12_who_may_not_read_statements_folds_the_collateral_all_the_same() {
    let _machine = machine::shared();
    let log = Log::create();
    let token = log.beside("token");
    let told = succeed(&["token", "new", token.to_str().unwrap(), "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    log.set("read", "statements", "\"token\"");
    log.set("read", "token_sha256", &format!("[{}]", told["token_sha256"]));
    log.set("ledger", "manifest_entries", "8");
    log.set("ledger", "checkpoint_interval_ms", "1");
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "confidential");
    issuer.be_trusted(&log, &server);
    let mut connection = server.connect();
    for n in 0..20 {
        assert_eq!(connection.register(&issuer.statement(n)).unwrap().status, 201);
    }
    let origin = control(&server)["origin"].as_str().unwrap().to_owned();
    let key = log.key("checkpoints").public_key().ed25519_bytes().unwrap();
    let vkey = ed25519_vkey(&origin, &key).unwrap().to_string();
    let audit = |url: &str, more: &[&str]| {
        let output = stele(&[&["audit", "--url", url, "--vkey", &vkey, "--json"][..], more].concat());
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", both(&output)));
        (output.status.code(), report)
    };
    // Manifests and checkpoints come by themselves, after the entries they cover.
    let (code, stranger) = awaited("both manifests are under a checkpoint", || {
        let (code, report) = audit(&server.url, &[]);
        let come = report["manifests"].as_u64() >= Some(2) && report["withheld"] == 20;
        come.then_some((code, report))
    });
    assert_eq!(
        (code, &stranger["clean"], &stranger["withheld"]),
        (Some(0), &true.into(), &20.into()),
        "{stranger}"
    );
    assert_eq!(stranger["manifests_not_checked"], 0, "{stranger}");
    let own = stranger["entries"].as_u64().unwrap() - 20;
    assert_eq!(
        stranger["judged"].as_u64(),
        Some(own),
        "the log's own statements are for everybody: {stranger}"
    );
    let reader = ["--token-file", token.to_str().unwrap()];
    let (code, known) = audit(&server.url, &reader);
    assert_eq!(
        (code, &known["withheld"], &known["judged"]),
        (Some(0), &0.into(), &known["entries"]),
        "{known}"
    );

    // One record is rewritten, in a bit that no signature covers: whoever sees its digest alone notices, too.
    let rewritten = between(
        server.address,
        Arc::new(|path, mut body| {
            // [-16, h'…'], as a digest stands in a page.
            let digest = [0x82, 0x2f, 0x58, 0x20];
            let at = body.windows(4).position(|window| window == digest);
            if let Some(at) = at.filter(|_| path.starts_with("/statements?")) {
                body[at + 10] ^= 1;
            }
            body
        }),
    );
    let (code, report) = audit(&rewritten, &[]);
    let found = report["discrepancies"][0].as_str().unwrap();
    assert_eq!((code, &report["clean"]), (Some(1), &false.into()));
    assert!(
        found.ends_with("the collateral records it covers are not those that this manifest registered"),
        "{report}"
    );
    server.stop();
}
