//! Profiles by the real binary: a key for signatures inside payloads, what refuses, and finding it again.

use std::fs;

use ledger::profile::Kind;
use proofs::{ContentType, PublicKey, StatementBuilder};
use serde_json::Value;

use crate::log::{Log, PATIENT, succeed};
use crate::machine;
use crate::server::Server;
use crate::statements::{Issuer, control, id};
use crate::wire::Reply;

fn vectors() -> Value {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../ledger/tests/data/iatp/vectors/attestation-vectors.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn json(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.problem());
    serde_json::from_slice(&reply.body).unwrap()
}

/// `stele policy trust-inside` puts the control plane's key on the log; a signed attestation passes, the placeholder
/// that the published package writes without a key is refused by name, and the entry is found by its agent.
#[test]
fn d18_an_attestation_is_checked_with_a_key_on_the_log_and_found_by_its_agent() {
    let _machine = machine::shared();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "control-plane");
    issuer.be_trusted(&log, &server);

    let vectors = vectors();
    let key = vectors["public_key_b64"].as_str().unwrap();
    let key = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
    let file = log.beside("iatp.pem");
    fs::write(&file, PublicKey::ed25519(key.try_into().unwrap()).unwrap().to_pem()).unwrap();
    let (operator, file) = (log.operator_file(), file.to_str().unwrap().to_owned());
    let words =
        ["policy", "trust-inside", "--url", &server.url, "--operator-key", operator.to_str().unwrap()];
    let words = [&words[..], &["--system", "iatp", "--key", &file, "--kid", "cp-key-1"], &PATIENT].concat();
    succeed(&words);
    let anchors = control(&server)["anchors"]["index"].clone();
    succeed(&words);
    assert_eq!(control(&server)["anchors"]["index"], anchors, "what is in force is not repeated");

    let statement = |pointer: &str| {
        let payload = vectors.pointer(pointer).unwrap().to_string();
        let content_type = ContentType::Text(Kind::IatpAttestation.content_type().into());
        let builder =
            StatementBuilder::new(issuer.name.clone(), "secure-bank-agent").content_type(content_type);
        builder.sign(payload.as_bytes(), &issuer.key).unwrap()
    };
    let mut connection = server.connect();
    let placeholder = connection.register(&statement("/placeholder_no_key/attestation")).unwrap();
    assert_eq!(placeholder.status, 400);
    assert!(placeholder.problem().contains("IATP_UNSIGNED_PLACEHOLDER"), "{}", placeholder.problem());
    let signed = statement("/signed/attestation");
    assert_eq!(connection.register(&signed).unwrap().status, 201);

    let found = json(&connection.get("/search?iatp.agent_id=secure-bank-agent").unwrap());
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    assert_eq!(found["hits"][0]["entry_id"], id(&signed).to_string());
    let accept = [("accept", "application/json")];
    let entry = connection.request("GET", &format!("/entries/{}", id(&signed)), &accept, &[]).unwrap();
    let findings = json(&entry)["findings"].clone();
    let ids: Vec<&str> = findings.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["IATP_EXPIRY_UNSIGNED", "IATP_KEY_ID_UNSIGNED"], "checked, and no IATP_UNKNOWN_KEY");
    server.stop();
    log.assert_clean();
}
