//! The command line from an empty folder to a verified receipt, and what each command says when it cannot.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::log::{Log, PATIENT, both, fail, stele, succeed};
use crate::machine;
use crate::server::Server;
use crate::statements::MARKER;

/// A log whose service URL is where it really listens, so that Locations lead back to it.
struct Bench {
    log: Log,
    server: Server,
}

const ISSUER: &str = "https://issuer.example";

impl Bench {
    fn new() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}");
        let log = Log::create_at(&url, &["--iss", "https://ts.example"]);
        let server = Server::start_with(&log, &["--listen", &free.to_string()]);
        assert_eq!(server.url, url);
        Self { log, server }
    }

    fn file(&self, name: &str) -> String {
        self.log.beside(name).to_str().unwrap().to_owned()
    }

    /// A key and a statement about a file, on the command line.
    fn sign(&self, name: &str, options: &[&str]) -> String {
        let (key, file, statement) =
            (self.file("issuer.pem"), self.file("artifact.txt"), self.file(&format!("{name}.cose")));
        if !Path::new(&key).exists() {
            succeed(&["key", "new", &key]);
        }
        fs::write(&file, format!("{MARKER} {name}")).unwrap();
        let subject = format!("urn:example:{name}");
        let mut words = vec!["sign", "--key", &key, "--issuer", ISSUER, "--subject", &subject];
        words.extend(["--content-type", "text/plain", &file, "-o", &statement]);
        words.extend_from_slice(options);
        succeed(&words);
        statement
    }

    fn trust(&self) {
        let operator = self.log.operator_file();
        let key = self.file("issuer.pem");
        let words =
            ["policy", "trust", "--url", &self.server.url, "--operator-key", operator.to_str().unwrap()];
        succeed(&[&words[..], &["--issuer", ISSUER, "--key", &key], &PATIENT].concat());
    }

    fn register(&self, statement: &str, options: &[&str]) -> Value {
        let words = ["register", "--url", &self.server.url, statement, "--json"];
        json(&succeed(&[&words[..], options, &PATIENT].concat()))
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn arch_23_init_makes_a_log_once_and_for_its_owner() {
    let _machine = machine::shared();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("log");
    let words = ["init", dir.to_str().unwrap(), "--service-url", "https://ts.example", "--json"];
    let made = json(&succeed(&words));
    assert_eq!(made["issuer"], "https://ts.example");
    assert_eq!(made["origin"], "ts.example");
    for role in ["receipts", "checkpoints", "registrar", "operator"] {
        let mode = fs::metadata(dir.join(format!("keys/{role}.pem"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{role}");
    }
    let config = fs::read_to_string(dir.join("stele.toml")).unwrap();
    assert!(config.contains("https://ts.example") && config.contains("# "), "{config}");
    let report = json(&succeed(&["fsck", dir.to_str().unwrap(), "--json"]));
    assert_eq!(
        (&report["clean"], &report["tree_size"]),
        (&true.into(), &3.into()),
        "genesis, policy, anchors"
    );

    let before = listing(&dir);
    let line = fail(&words, 2);
    assert!(line.contains("not empty"), "{line}");
    assert_eq!(before, listing(&dir), "init touched a folder that was not empty");
}

fn listing(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(listing(&entry.path()));
        } else {
            found.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    found.sort();
    found
}

#[test]
fn scr_17_keys_are_made_and_shown_in_every_form() {
    let _machine = machine::shared();
    let temp = tempfile::tempdir().unwrap();
    for algorithm in ["ed25519", "es256", "es384"] {
        let file = temp.path().join(format!("{algorithm}.pem"));
        let file = file.to_str().unwrap();
        succeed(&["key", "new", file, "--alg", algorithm]);
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let secret = fs::read_to_string(file).unwrap();
        assert!(secret.contains("BEGIN PRIVATE KEY"), "{algorithm} is not PKCS#8 in PEM");
        let shown = json(&succeed(&["key", "show", file, "--json"]));
        let kid = shown["kid"].as_str().unwrap();
        let thumbprint = data_encoding::BASE64URL_NOPAD.decode(kid.as_bytes()).unwrap();
        assert_eq!(thumbprint.len(), 32);
        assert!(shown["spki_pem"].as_str().unwrap().contains("BEGIN PUBLIC KEY"));
        assert!(shown["jwk"]["d"].is_null(), "the private half was shown");
        let text = succeed(&["key", "show", file]);
        assert!(text.contains(kid) && !text.contains("PRIVATE"), "{text}");
        // An existing key is never replaced.
        fail(&["key", "new", file], 2);
        assert_eq!(fs::read_to_string(file).unwrap(), secret);
    }
}

/// The main job of the command line, step by step.
#[test]
fn scr_12_arch_38_from_a_file_to_a_receipt_verified_offline() {
    let _machine = machine::shared();
    let bench = Bench::new();
    let statement = bench.sign("good", &[]);
    bench.trust();
    let (receipt, transparent) = (bench.file("good.receipt"), bench.file("good.transparent"));
    let told = bench.register(&statement, &["-o", &receipt, "--transparent", &transparent]);
    assert_eq!(told["registered"], true);
    assert_eq!(told["leaf_index"], 5, "three of init, two of policy trust: {told}");
    let keys = bench.file("keys.cbor");
    fs::write(&keys, bench.server.connect().get("/.well-known/scitt-keys").unwrap().body).unwrap();
    let issuer = bench.file("issuer.pem");

    let by_url = ["verify", "--statement", &statement, "--receipt", &receipt, "--url", &bench.server.url];
    succeed(&by_url);
    let url = bench.server.url.clone();
    for file in [&statement, &receipt, &transparent, &keys] {
        let shown = succeed(&["show", file]);
        assert!(shown.lines().count() > 3, "{shown}");
    }
    let shown = succeed(&["show", &transparent]);
    assert!(shown.contains("urn:example:good") && shown.contains(ISSUER), "{shown}");

    // From here on there is no service any more.
    bench.server.stop();
    let offline = ["verify", "--statement", &statement, "--receipt", &receipt, "--keys", &keys];
    succeed(&offline);
    let full = ["--issuer-key", &issuer, "--service", "https://ts.example"];
    let text = succeed(&[&offline[..], &full].concat());
    assert!(text.lines().count() >= 5, "each check is printed: {text}");
    succeed(&["verify", &transparent, "--keys", &keys, "--issuer-key", &issuer]);
    fail(&["verify", "--statement", &statement, "--receipt", &receipt, "--url", &url], 3);
    bench.log.assert_clean();
}

/// Each kind of bad input exits with 1 and says which check failed.
#[test]
fn arch_39_arch_40_arch_42_arch_43_rcpt_06_bad_receipts_and_statements_do_not_verify() {
    let _machine = machine::shared();
    let bench = Bench::new();
    let (good, other) = (bench.sign("good", &[]), bench.sign("other", &[]));
    bench.trust();
    let (receipt, foreign) = (bench.file("good.receipt"), bench.file("other.receipt"));
    let transparent = bench.file("good.transparent");
    bench.register(&good, &["-o", &receipt, "--transparent", &transparent]);
    bench.register(&other, &["-o", &foreign]);
    let keys = bench.file("keys.cbor");
    fs::write(&keys, bench.server.connect().get("/.well-known/scitt-keys").unwrap().body).unwrap();
    let stranger = bench.file("stranger.pem");
    succeed(&["key", "new", &stranger]);

    let flipped = |file: &str, name: &str, from_end: usize| {
        let mut bytes = fs::read(file).unwrap();
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        let spoiled = bench.file(name);
        fs::write(&spoiled, bytes).unwrap();
        spoiled
    };
    let bad_signature = flipped(&receipt, "signature.receipt", 1);
    let bad_path = flipped(&receipt, "path.receipt", 70);
    let bad_statement = flipped(&good, "statement.cose", 1);
    let bad_transparent = flipped(&transparent, "bad.transparent", 1);
    let not_cbor = bench.file("not.cbor");
    fs::write(&not_cbor, "hello").unwrap();

    let pair = |statement: &str, receipt: &str, rest: &[&str]| -> Vec<String> {
        let words = ["verify", "--statement", statement, "--receipt", receipt, "--keys", &keys];
        words.iter().chain(rest).map(|word| (*word).to_owned()).collect()
    };
    let bad: [(&str, Vec<String>); 10] = [
        ("a receipt's signature", pair(&good, &bad_signature, &[])),
        ("a receipt's path", pair(&good, &bad_path, &[])),
        ("the receipt of another statement", pair(&good, &foreign, &[])),
        ("a changed statement", pair(&bad_statement, &receipt, &[])),
        ("another service", pair(&good, &receipt, &["--service", "https://other.example"])),
        ("a key that is not the issuer's", pair(&good, &receipt, &["--issuer-key", &stranger])),
        ("another file", pair(&good, &receipt, &["--content", &not_cbor])),
        ("a receipt that is none", pair(&good, &not_cbor, &[])),
        ("a statement that is none", pair(&not_cbor, &receipt, &[])),
        (
            "a changed transparent statement",
            ["verify", &bad_transparent, "--keys", &keys].map(String::from).to_vec(),
        ),
    ];
    for (what, words) in bad {
        let output = stele(&words);
        assert_eq!(output.status.code(), Some(1), "{what}: {}", both(&output));
        let text = both(&output).to_lowercase();
        assert!(text.contains("fail") || text.contains("stele: "), "{what} is not named: {text}");
    }
    // The keys of another service: nothing of theirs is trusted.
    let strange_keys = bench.file("strange.cbor");
    let cose = stele(&["key", "show", &stranger, "--form", "cose"]).stdout;
    fs::write(&strange_keys, [&[0x81], &cose[..]].concat()).unwrap();
    fail_or_invalid(&["verify", "--statement", &good, "--receipt", &receipt, "--keys", &strange_keys]);
    // Local problems are another matter than invalid ones.
    fail(&["verify", "--statement", "/nowhere.cose", "--receipt", &receipt, "--keys", &keys], 2);
    bench.server.stop();
}

fn fail_or_invalid(words: &[&str]) {
    let output = stele(words);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
}

#[test]
fn arch_09_a_hash_envelope_keeps_the_content_at_home() {
    let _machine = machine::shared();
    let bench = Bench::new();
    let plain = ["--hash-envelope", "--location", "https://files.example/artifact"];
    let statement = bench.sign("enveloped", &plain);
    let bytes = fs::read(&statement).unwrap();
    assert!(!bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()), "the content is in it");
    bench.trust();
    let receipt = bench.file("enveloped.receipt");
    bench.register(&statement, &["-o", &receipt]);
    succeed(&["verify", "--statement", &statement, "--receipt", &receipt, "--url", &bench.server.url]);
    let shown = succeed(&["show", &statement]);
    assert!(shown.contains("https://files.example/artifact"), "{shown}");
    bench.server.stop();
}

#[test]
fn scr_24_a_client_that_does_not_wait_comes_back_for_its_receipt() {
    let _machine = machine::shared();
    let bench = Bench::new();
    let statement = bench.sign("patient", &[]);
    bench.trust();
    let accepted = bench.register(&statement, &["--no-wait"]);
    let location = accepted["location"].as_str().unwrap().to_owned();
    let receipt = bench.file("patient.receipt");
    let registered = bench.register(&statement, &["-o", &receipt]);
    assert_eq!((&registered["registered"], &registered["location"]), (&true.into(), &location.into()));
    succeed(&["verify", "--statement", &statement, "--receipt", &receipt, "--url", &bench.server.url]);
    bench.server.stop();
}

#[test]
fn scr_05_what_the_service_refuses_exits_with_1_and_says_why() {
    let _machine = machine::shared();
    let bench = Bench::new();
    let statement = bench.sign("unknown", &[]);
    let receipt = bench.file("unknown.receipt");
    let words = ["register", "--url", &bench.server.url, &statement, "-o", &receipt];
    let line = fail(&words, 1);
    assert!(line.contains("Unknown Issuer Key"), "{line}");
    assert!(!Path::new(&receipt).exists());
    let url = bench.server.url.clone();
    bench.server.stop();
    let line = fail(&["register", "--url", &url, &statement, "-o", &receipt, "--tries", "1"], 3);
    assert!(line.contains("nothing listens") || line.contains("connect"), "{line}");
}

#[test]
fn arch_18_the_policy_in_force_is_shown_with_its_place_on_the_log() {
    let _machine = machine::shared();
    let bench = Bench::new();
    let before = json(&succeed(&["policy", "show", "--url", &bench.server.url, "--json"]));
    bench.sign("any", &[]);
    bench.trust();
    let after = json(&succeed(&["policy", "show", "--url", &bench.server.url, "--json"]));
    assert_ne!(before, after);
    let text = succeed(&["policy", "show", "--url", &bench.server.url]);
    assert!(text.contains(ISSUER), "{text}");
    // Only the operator changes it.
    let (key, stranger) = (bench.file("issuer.pem"), bench.file("stranger.pem"));
    succeed(&["key", "new", &stranger]);
    let words = ["policy", "trust", "--url", &bench.server.url, "--operator-key", &stranger];
    let line = fail(&[&words[..], &["--issuer", "https://mallory.example", "--key", &key]].concat(), 2);
    assert!(line.contains("is not the operator's"), "{line}");
    bench.server.stop();
}

#[test]
fn every_command_explains_itself() {
    let _machine = machine::shared();
    let commands: [&[&str]; 16] = [
        &[],
        &["init"],
        &["serve"],
        &["key"],
        &["key", "new"],
        &["key", "show"],
        &["policy"],
        &["policy", "show"],
        &["policy", "trust"],
        &["policy", "set"],
        &["sign"],
        &["register"],
        &["verify"],
        &["show"],
        &["fsck"],
        &["config"],
    ];
    for command in commands {
        let words: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let help = succeed(&words);
        assert!(help.contains("Usage: stele"), "{help}");
        assert!(help.contains("Exit codes:"), "{command:?} does not document its exit codes");
    }
    assert_eq!(stele(&["verify"]).status.code(), Some(2), "wrong usage");
}

#[test]
fn many_statements_are_registered_at_once_and_a_bad_one_spoils_no_other() {
    let bench = Bench::new();
    let names: Vec<String> = (0..3).map(|n| bench.sign(&format!("many-{n}"), &[])).collect();
    bench.trust();
    let broken = bench.file("broken.cose");
    fs::write(&broken, b"\xd2\x80").unwrap();
    let sequence = bench.file("sequence.cose");
    fs::write(&sequence, [fs::read(&names[1]).unwrap(), fs::read(&names[2]).unwrap()].concat()).unwrap();
    let folder = bench.file("receipts");
    let words = [
        "register",
        "--url",
        &bench.server.url,
        &names[0],
        &broken,
        &sequence,
        "--output-dir",
        &folder,
        "--json",
    ];
    let output = stele(&[&words[..], &PATIENT].concat());
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let results: Vec<&str> = lines.iter().map(|line| line["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["registered", "refused", "registered", "registered"]);
    assert_eq!(lines[2]["statement"], format!("{sequence}#1"));
    assert!(lines[1]["problem"].as_str().unwrap().starts_with("Malformed request: "), "{}", lines[1]);
    for (line, statement) in [(&lines[0], &names[0]), (&lines[2], &names[1]), (&lines[3], &names[2])] {
        let receipt = line["receipt"].as_str().unwrap();
        succeed(&["verify", "--statement", statement, "--receipt", receipt, "--url", &bench.server.url]);
    }
    fail(&["register", "--url", &bench.server.url, &names[0], &names[1]], 2);
}
