//! The operator at work on a running service: the log changes hands, a certificate authority is taken in.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use serde_json::Value;

use crate::log::{Log, PATIENT, both, fail, stele, succeed};
use crate::machine;
use crate::server::Server;
use crate::statements::{MARKER, control};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn file(log: &Log, name: &str) -> String {
    log.beside(name).to_str().unwrap().to_owned()
}

/// `stele policy ACTION` as the operator with this key.
fn policy<'a>(action: &'a str, server: &'a Server, operator: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let words = ["policy", action, "--url", &server.url, "--operator-key", operator];
    [&words[..], rest, &PATIENT].concat()
}

fn operator_in_force(server: &Server) -> String {
    let text = succeed(&["policy", "show", "--url", &server.url]);
    let line = text.lines().find_map(|line| line.trim().strip_prefix("operator "));
    line.unwrap().trim().trim_end_matches(" (kid)").to_owned()
}

/// D4: the old operator gives the log away, the new one accepts, and from then on only the new one is heard.
#[test]
fn arch_18_the_log_is_handed_to_another_operator() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let old = log.operator_file().to_str().unwrap().to_owned();
    let [new, other, issuer] = ["new-operator.pem", "other.pem", "issuer.pem"].map(|name| file(&log, name));
    for key in [&new, &other, &issuer] {
        succeed(&["key", "new", key]);
    }
    let kid = |key: &str| json(&succeed(&["key", "show", key, "--json"]))["kid"].as_str().unwrap().to_owned();
    assert_eq!(operator_in_force(&server), kid(&old));

    let document = file(&log, "policy.json");
    let shown = succeed(&["policy", "show", "--url", &server.url, "--document"]);
    fs::write(&document, &shown).unwrap();
    let told = json(&succeed(&policy("set", &server, &old, &["--json", &document])));
    assert_eq!(told["changes"], json("[]"), "what is in force is not registered again");

    // A document that names another operator is not enough: that operator has to sign.
    let mut named = json(&shown);
    named["operator"] = json(&succeed(&["key", "show", &new, "--json"]))["jwk"].clone();
    let taken = file(&log, "taken.json");
    fs::write(&taken, named.to_string()).unwrap();
    let output = stele(&policy("set", &server, &old, &[&taken]));
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(both(&output).contains("--new-operator-key"), "{}", both(&output));
    // And the one who takes over cannot do it alone.
    fail(&policy("set", &server, &new, &["--new-operator-key", &new, &document]), 2);
    assert_eq!(control(&server)["policy"]["index"], 1, "nothing of it reached the log");

    let told =
        json(&succeed(&policy("set", &server, &old, &["--new-operator-key", &new, "--json", &document])));
    assert_eq!((&told["changes"][0]["change"], &told["changes"][0]["index"]), (&"policy".into(), &3.into()));
    assert_eq!(operator_in_force(&server), kid(&new));
    assert_eq!(control(&server)["policy"]["entry_id"], told["changes"][0]["entry_id"]);

    let trust = ["--issuer", "https://acme.example", "--key", &issuer];
    let line = fail(&policy("trust", &server, &old, &trust), 2);
    assert!(line.contains("is not the operator's"), "{line}");
    succeed(&policy("trust", &server, &new, &trust));

    // It is the log that says so, not the running process.
    server.stop();
    log.assert_clean();
    let server = Server::start(&log);
    assert_eq!(operator_in_force(&server), kid(&new));
    fail(&policy("set", &server, &old, &["--new-operator-key", &old, &document]), 2);
    succeed(&policy("set", &server, &new, &["--new-operator-key", &other, &document]));
    assert_eq!(operator_in_force(&server), kid(&other));
    server.stop();
}

/// A certificate authority and what it certifies, in files.
struct Authority<'a> {
    log: &'a Log,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl<'a> Authority<'a> {
    fn new(log: &'a Log, name: &str) -> Self {
        let mut params = params();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(log.beside(name), issuer.pem()).unwrap();
        Self { log, issuer }
    }

    /// A statement of `iss`, under a new certificate whose SAN is the URI.
    fn sign(&self, name: &str, uri: &str, iss: &str) -> String {
        let mut params = params();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.issuer).unwrap();
        let of = |kind: &str| file(self.log, &format!("{name}.{kind}"));
        let (key, chain, content, statement) = (of("key"), of("chain"), of("txt"), of("cose"));
        fs::write(&key, pair.serialize_pem()).unwrap();
        fs::write(&chain, certificate.pem()).unwrap();
        fs::write(&content, format!("{MARKER} {name}")).unwrap();
        let words =
            ["sign", "--key", &key, "--x5chain", &chain, "--issuer", iss, "--subject", "urn:example:x"];
        succeed(&[&words[..], &["--content-type", "text/plain", &content, "-o", &statement]].concat());
        statement
    }
}

/// Valid whenever this test may be run.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params
}

/// D16 on the command line: the root is trusted for the names below a URI, and for no other.
#[test]
fn arch_16_a_certificate_authority_is_taken_in_for_the_names_below_a_uri() {
    const BELOW: &str = "https://acme.example/agents";
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let operator = log.operator_file().to_str().unwrap().to_owned();
    let (ours, strange) = (Authority::new(&log, "ca.pem"), Authority::new(&log, "strange-ca.pem"));
    let agent = format!("{BELOW}/7");
    let good = ours.sign("good", &agent, &agent);
    let receipt = file(&log, "good.receipt");
    let register = |statement: &str| -> Vec<String> {
        let words = ["register", "--url", &server.url, statement, "-o", &receipt];
        words.iter().chain(&PATIENT).map(|word| (*word).to_owned()).collect()
    };
    let line = fail(&register(&good), 1);
    assert!(line.contains("Unknown Issuer Key"), "{line}");

    // Only one root, and only a certificate authority, can be an anchor.
    let root = file(&log, "ca.pem");
    let two = file(&log, "two.pem");
    let both_roots = [&root, &file(&log, "strange-ca.pem")].map(|name| fs::read_to_string(name).unwrap());
    fs::write(&two, both_roots.concat()).unwrap();
    let trust = ["--issuer", BELOW, "--prefix", "--root"];
    for (name, word) in
        [("two.pem", "more than one"), ("good.chain", "certificate"), ("good.key", "certificate")]
    {
        let path = file(&log, name);
        let line = fail(&policy("trust", &server, &operator, &[&trust[..], &[&path]].concat()), 2);
        assert!(line.contains(word), "{name}: {line}");
    }
    let told = succeed(&policy("trust", &server, &operator, &[&trust[..], &[&root, "--json"]].concat()));
    let changes: Vec<_> = json(&told)["changes"].as_array().unwrap().clone();
    let kinds: Vec<_> = changes.iter().map(|change| change["change"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["trust anchors", "policy"]);
    let again =
        json(&succeed(&policy("trust", &server, &operator, &[&trust[..], &[&root, "--json"]].concat())));
    assert_eq!(again["changes"], json("[]"), "what is in force is not registered again");
    let digest = proofs::sha256(ours.issuer.der()).to_string();
    let shown = succeed(&["policy", "show", "--url", &server.url]);
    assert!(shown.contains(&digest) && shown.contains(&format!("{BELOW} and below")), "{shown}");

    succeed(&register(&good));
    succeed(&["verify", "--statement", &good, "--receipt", &receipt, "--url", &server.url]);
    let evil = "https://acme.example.evil.example/agents/7";
    let beside = "https://acme.example/agents-7";
    for (name, authority, uri, iss) in [
        ("certified for another agent", &ours, "https://acme.example/agents/8", agent.as_str()),
        ("certified, but not below the prefix", &ours, evil, evil),
        ("certified, but beside the prefix", &ours, beside, beside),
        ("certified by another authority", &strange, agent.as_str(), agent.as_str()),
    ] {
        let statement = authority.sign(&name.replace([' ', ','], "-"), uri, iss);
        let line = fail(&register(&statement), 1);
        assert!(line.contains("Rejected") || line.contains("Unknown Issuer Key"), "{name}: {line}");
    }
    server.stop();
    log.assert_clean();
}
