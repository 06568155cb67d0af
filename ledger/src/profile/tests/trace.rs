//! TRACE: the published vectors, and each rule of systems.md §1.4.

use data_encoding::BASE64URL_NOPAD;
use proofs::Signer;
use serde_json::{Value, json};

use super::super::finding::Severity;
use super::super::{Kind, LogView, Probe, Switch, System, canonical, log_findings};
use super::{Bench, at_least, changed, data, errors, file, folder, has, values};
use crate::signer::{KeyAlgorithm, PrivateKey};

fn examine(record: &Value) -> super::Examination {
    Bench::new().of(Kind::TraceRecord, record)
}

fn local() -> Value {
    data("trace/vectors/signed-local/00-level0.json")["record"].clone()
}

/// A key of ours, so that records can be changed and signed again.
fn key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

fn signed(mut record: Value, key: &PrivateKey) -> Value {
    record["cnf"] = json!({ "jwk": key.public_key().to_jwk() });
    let message = canonical::jcs_without(record.as_object().unwrap(), &["signature"]).unwrap();
    record["signature"] = json!(BASE64URL_NOPAD.encode(&key.sign(&message).unwrap()));
    record
}

#[test]
fn records_of_the_published_package_pass_with_their_three_digests() {
    for name in folder("trace/vectors/signed-local") {
        if name.ends_with("/key.json") || name.ends_with("/negative.json") || !name.ends_with(".json") {
            continue;
        }
        let vector = data(&name);
        let examination = examine(&vector["record"]);
        assert_eq!(errors(&examination), [], "{name}");
        assert_eq!(examination.digest("anchor_leaf"), vector["anchor_leaf"].as_str(), "{name}");
        assert_eq!(examination.subject.as_deref(), vector["record"]["subject"].as_str());
        assert_eq!(values(&examination, "trace.key"), [vector["key_thumbprint_rfc7638"].as_str().unwrap()]);
        let jcs = canonical::jcs_without(vector["record"].as_object().unwrap(), &["signature"]).unwrap();
        assert_eq!(jcs, vector["signing_input_jcs_utf8"].as_str().unwrap().as_bytes(), "{name}");
    }
}

/// Where RFC 8785 and sorted-key JSON differ: the signature holds, the leaf is the registry's.
#[test]
fn records_beyond_ascii_verify_and_hash_as_the_registry_does() {
    for name in [folder("trace/vectors/canonicalization"), folder("trace/examples/canonicalization-boundary")]
        .concat()
    {
        assert_eq!(errors(&examine(&data(&name)["record"])), [], "{name}");
    }
    let capsule = data("trace/registry/capsule-anchor-receipt.json");
    let leaf = format!("sha256:{}", capsule["anchor_leaf"].as_str().unwrap());
    assert_eq!(examine(&capsule["record"]).digest("anchor_leaf"), Some(leaf.as_str()));
    for name in folder("trace/vectors/anchor-inclusion") {
        let vector = data(&name);
        let text = vector.pointer("/construction/canonical_ascii").and_then(Value::as_str);
        if let Some(text) = text.filter(|_| vector["expected"]["tr_anc_002"] == "pass") {
            assert_eq!(canonical::sorted_ascii(&vector["claim"]), text, "{name}");
        }
    }
}

#[test]
fn each_negative_vector_gives_its_finding() {
    let negative = data("trace/vectors/signed-local/negative.json");
    for (name, expected) in [
        ("tampered_data_class", ("TR-SIG-005", "/signature")),
        ("private_key_in_cnf", ("TR-ENV-005", "/cnf/jwk/d")),
        ("profile_v01", ("TR-ENV-001", "/eat_profile")),
        ("null_transparency", ("TR-ANC-001", "/transparency")),
        ("padded_signature", ("TR-SIG-001", "/signature")),
        // verify_record 0.11.0 accepts it: JCS writes 3.0 as 3, so one signature has two anchor leaves.
        ("float_call_count", ("JSON_NON_INTEGER_NUMBER", "/tool_transcript/call_count")),
    ] {
        assert_eq!(errors(&examine(&negative[name]["record"])), [expected], "{name}");
    }
    assert_eq!(negative.as_object().unwrap().len(), 6, "every vector is in the list");
}

#[test]
fn the_conformance_records_of_trace_tests() {
    for (name, expected) in [
        ("signed_root", vec![]),
        ("signed_delegated_hop", vec![]),
        // Valid by schema, but not signed: trace-tests passes them at Level 0 only.
        ("valid_level0", vec![("TR-SIG-001", "/signature")]),
        ("valid_level0_with_transcript", vec![("TR-SIG-001", "/signature")]),
        ("valid_openshell_import", vec![("TR-SIG-001", "/signature")]),
        // A cMCP RuntimeClaim around a record: another envelope, no Trust Record by itself.
        ("valid_cmcp_runtime", vec![("TR-ENV-001", "/eat_profile")]),
        // Its key is a placeholder as well.
        (
            "invalid_missing_runtime",
            vec![
                ("TR-RTE-001", "/runtime"),
                ("TR-ENV-004", "/cnf/jwk/crv"),
                ("TR-ENV-004", "/cnf/jwk/x"),
                ("TR-ENV-004", "/cnf/jwk/y"),
            ],
        ),
        ("invalid_wrong_profile", vec![("TR-ENV-001", "/eat_profile")]),
    ] {
        let record = data(&format!("trace/vectors/conformance/{name}.json"));
        assert_eq!(errors(&examine(&record)), expected, "{name}");
    }
    // The published examples show members, not signatures: some hold a placeholder, some none.
    for name in folder("trace/examples") {
        let examination = examine(&data(&name));
        assert_eq!(errors(&examination), [("TR-SIG-001", "/signature")], "{name}");
    }
}

#[test]
fn version_0_1_only_under_its_switch() {
    let record = changed(&local(), "/eat_profile", json!("tag:agentrust.io,2026:trace-v0.1"));
    let record = signed(changed(&record, "/transparency", json!("pending")), &key());
    assert_eq!(errors(&examine(&record)), [("TR-ENV-001", "/eat_profile")]);
    let mut bench = Bench::new();
    bench.switches.push(Switch::TraceV01);
    let examination = bench.of(Kind::TraceRecord, &record);
    assert_eq!(errors(&examination), []);
    assert!(has(&examination, "TRACE_LEGACY_PROFILE"));
}

#[test]
fn a_key_is_trusted_by_an_anchor_and_not_by_itself() {
    let key = key();
    let record = signed(local(), &key);
    let bare = examine(&record);
    assert!(has(&bare, "TRACE_KEY_NOT_TRUSTED"));
    let bench = Bench::new().trusting(System::Trace, key.public_key().clone(), None);
    assert!(!has(&bench.of(Kind::TraceRecord, &record), "TRACE_KEY_NOT_TRUSTED"));
    let other = Bench::new().trusting(System::Aigp, key.public_key().clone(), None);
    assert!(
        has(&other.of(Kind::TraceRecord, &record), "TRACE_KEY_NOT_TRUSTED"),
        "an anchor of another system"
    );
}

#[test]
fn the_wrapper_is_compared_with_the_record() {
    let key = key();
    let record = signed(local(), &key);
    let mut bench = Bench::new();
    bench.subject = Some("spiffe://example.org/other".into());
    bench.key =
        Some(crate::signer::PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().clone());
    let examination = bench.of(Kind::TraceRecord, &record);
    assert!(has(&examination, "TRACE_SUBJECT_NOT_SUB") && has(&examination, "TRACE_WRAPPER_KEY_OTHER"));
    bench.subject = record["subject"].as_str().map(str::to_owned);
    bench.key = Some(key.public_key().clone());
    let examination = bench.of(Kind::TraceRecord, &record);
    assert!(!has(&examination, "TRACE_SUBJECT_NOT_SUB") && !has(&examination, "TRACE_WRAPPER_KEY_OTHER"));
}

#[test]
fn records_may_be_old_but_not_from_the_future() {
    let mut bench = Bench::new();
    let record = local();
    let iat = record["iat"].as_u64().unwrap();
    for (now, expected) in [(iat - 301, 1), (iat - 300, 0), (iat + 400_000_000, 0)] {
        bench.now = now;
        let examination = bench.of(Kind::TraceRecord, &record);
        assert_eq!(errors(&examination).len(), expected, "{now}");
        assert_eq!(expected == 1, errors(&examination) == [("TR-ENV-002", "/iat")]);
    }
}

#[test]
fn what_a_record_claims_of_itself() {
    let key = key();
    let with = |pointer, value| signed(changed(&local(), pointer, value), &key);
    let origin = json!({ "kind": "log-import", "producer": "x" });
    let imported = with("/origin", origin);
    assert_eq!(errors(&examine(&imported)), [], "software-only may be observed by others");
    let hardware = signed(changed(&imported, "/runtime/platform", json!("intel-tdx")), &key);
    assert_eq!(errors(&examine(&hardware)).last(), Some(&("TRACE_ORIGIN_PLATFORM", "/runtime/platform")));
    assert!(has(&examine(&hardware), "TRACE_UNATTESTED"));
    let by_self = examine(&with("/appraisal/verifier", json!("self")));
    assert!(has(&by_self, "TR-APR-002"), "common in tutorials, and no URI: {:?}", by_self.findings);
}

/// The locator can be computed before signing, and only the record's own is right.
#[test]
fn transparency_points_at_the_locator() {
    let key = key();
    let record = local();
    let locator = super::super::trace_locator(record.to_string().as_bytes()).unwrap();
    let with = |uri: String| {
        let mut record = changed(&record, "/transparency", json!(uri));
        record["cnf"] = json!({ "jwk": key.public_key().to_jwk() });
        signed(record, &key)
    };
    // cnf is inside the locator, so it is taken from a record with our key.
    let ours = super::super::trace_locator(with("x".into()).to_string().as_bytes()).unwrap();
    assert_ne!(ours, locator);
    let right = examine(&with(format!("https://ts.example/trace/{ours}")));
    assert!(!has(&right, "TRACE_LOCATOR_MISMATCH"));
    assert_eq!(right.digest("locator"), Some(ours.as_str()));
    assert!(has(&examine(&with(format!("https://ts.example/trace/{locator}"))), "TRACE_LOCATOR_MISMATCH"));
    assert!(!has(
        &examine(&with(format!("https://ts.example.org/trace/{locator}"))),
        "TRACE_LOCATOR_MISMATCH"
    ));
    assert!(has(&examine(&with("pending".into())), "TR-ANC-001"));
}

#[test]
fn terms_of_systems_md_1_5() {
    let record = data("trace/vectors/signed-local/04-delegated.json")["record"].clone();
    let examination = examine(&record);
    assert_eq!(values(&examination, "trace.subject"), [record["subject"].as_str().unwrap()]);
    assert_eq!(values(&examination, "trace.trust_domain"), ["spiffe://example.org"]);
    assert_eq!(
        values(&examination, "trace.parent"),
        [record["delegation"]["parent_record_hash"].as_str().unwrap()]
    );
    assert_eq!(
        values(&examination, "trace.policy_bundle"),
        [record["policy"]["bundle_hash"].as_str().unwrap()]
    );
    assert_eq!(values(&examination, "trace.model").len(), 1);
    assert_eq!(values(&examination, "trace.iat"), [format!("{:016x}", record["iat"].as_u64().unwrap())]);
    assert_eq!(values(&examination, "trace.record_digest"), [examination.digest("record").unwrap()]);
    assert!(examination.complete);
}

/// The preimage that the published pair settles: the complete parent, signature included.
#[test]
fn a_delegated_record_names_its_parent_by_the_record_digest() {
    let parent = examine(&data("trace/vectors/conformance/signed_root.json"));
    let child = data("trace/vectors/conformance/signed_delegated_hop.json");
    assert_eq!(parent.digest("record"), child["delegation"]["parent_record_hash"].as_str());
    let child = examine(&child);
    let empty = log_findings(&child.probes, &Rows(vec![]), proofs::LeafIndex::new(9)).unwrap();
    assert_eq!(empty.len(), 1);
    assert_eq!((empty[0].id.as_ref(), empty[0].as_of), ("TRACE_PARENT_NOT_FOUND", Some(9)));
    let known = Rows(rows_of(&parent, 4));
    assert_eq!(log_findings(&child.probes, &known, proofs::LeafIndex::new(9)).unwrap(), []);
}

pub(in super::super) struct Rows(pub(in super::super) Vec<Vec<u8>>);

impl LogView for Rows {
    fn rows(
        &self,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, proofs::LeafIndex)>, storage::StoreError> {
        let mut rows: Vec<_> = self.0.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        rows.sort();
        rows.truncate(limit);
        Ok(rows.into_iter().map(|key| (key, proofs::LeafIndex::new(0))).collect())
    }
}

pub(in super::super) fn rows_of(examination: &super::Examination, leaf: u64) -> Vec<Vec<u8>> {
    super::super::rows_of(&examination.terms, &examination.links, proofs::LeafIndex::new(leaf))
}

fn revocation(of: &str, last: &str, log: &str, by: &PrivateKey) -> Value {
    let by_id = super::super::keys::key_thumbprint(by.public_key()).unwrap();
    let mut statement = json!({
        "type": "TraceRevocation/1.0",
        "compromised_key_id": of,
        "last_valid_entry_id": last,
        "log_id": log,
        "reason": "key compromise",
        "revocation_key_id": by_id,
    });
    let message = canonical::jcs(&statement).unwrap();
    let value = BASE64URL_NOPAD.encode(&by.sign(&message).unwrap());
    statement["sig"] = json!({ "alg": "ed25519", "value": value });
    statement
}

#[test]
fn a_revoked_key_counts_up_to_its_last_entry() {
    let (record_key, recovery, thief) = (key(), key(), key());
    let revoked = super::super::keys::key_thumbprint(record_key.public_key()).unwrap();
    let bench = Bench::new().trusting(System::Trace, recovery.public_key().clone(), None);
    let log = "07".repeat(32);
    let statement = revocation(&revoked, "20", &log, &recovery);
    let examination = bench.of(Kind::TraceRevocation, &statement);
    assert_eq!(at_least(&examination, Severity::Info), []);
    assert_eq!(examination.subject.as_deref(), Some(revoked.as_str()));
    let view = Rows(rows_of(&examination, 21));
    let record = examine(&signed(local(), &record_key));
    let at = |index| -> Vec<String> {
        let found = log_findings(&record.probes, &view, proofs::LeafIndex::new(index)).unwrap();
        found.into_iter().map(|finding| finding.id.into_owned()).collect()
    };
    assert_eq!((at(20), at(22)), (vec![], vec!["TRACE_KEY_REVOKED".to_owned()]));

    for (statement, id, effect) in [
        (revocation(&revoked, "20", &"08".repeat(32), &recovery), "TRACE_REVOCATION_OTHER_LOG", 0),
        (revocation(&revoked, "20", &log, &thief), "TRACE_REVOCATION_KEY_NOT_TRUSTED", 0),
        (revocation(&revoked, "020", &log, &recovery), "TRACE_REVOCATION_ENTRY_ID", 0),
        (changed(&statement, "/reason", json!("x")), "TRACE_REVOCATION_SIGNATURE", 0),
        (changed(&statement, "/type", json!("x")), "TRACE_REVOCATION_SCHEMA", 0),
        (
            revocation(
                &super::super::keys::key_thumbprint(recovery.public_key()).unwrap(),
                "20",
                &log,
                &recovery,
            ),
            "TRACE_REVOCATION_BY_ITSELF",
            0,
        ),
    ] {
        let examination = bench.of(Kind::TraceRevocation, &statement);
        assert!(has(&examination, id), "{id}: {:?}", examination.findings);
        assert_eq!(examination.links.len(), effect, "{id}");
    }
    assert!(matches!(record.probes.last(), Some(Probe::Revoked { .. })));
}

#[test]
fn the_bytes_of_the_withdrawn_tutorial_are_a_good_record() {
    let body = file("trace/tutorial-body.json");
    let examination = Bench::new().examine(Kind::TraceRecord, &body);
    assert_eq!(errors(&examination), []);
}
