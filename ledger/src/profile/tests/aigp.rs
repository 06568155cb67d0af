//! AIGP: the published vectors, the samples that break their own rules, and each rule of systems.md §2.4.

use data_encoding::BASE64URL_NOPAD;
use proofs::{PublicKey, Signer, UnixTime};
use serde_json::{Map, Value, json};

use super::super::{Kind, Severity, Switch, System, log_findings, verifier_report};
use super::trace::{Rows, rows_of};
use super::{Bench, Examination, at_least, changed, data, errors, file, folder, has, values};
use crate::signer::{KeyAlgorithm, PrivateKey};

const KID: &str = "aigp:org.finco:agent.trading-bot-v2:2026-10";

fn published_key() -> PublicKey {
    let pem = data("aigp/vectors/worked-aigp-1.0.0.json")["public_key_pem"].as_str().unwrap().to_owned();
    PublicKey::from_pem(&pem).unwrap()
}

fn bench() -> Bench {
    Bench::new().trusting(System::Aigp, published_key(), Some(KID))
}

fn examine(event: &Value) -> Examination {
    bench().of(Kind::AigpEvent, event)
}

fn flat() -> Value {
    json!({
        "event_id": "f1a2b3c4-d5e6-4890-abcd-ef0123456789",
        "event_type": "INJECT_SUCCESS",
        "event_category": "inject",
        "event_time": "2026-10-01T00:00:00.000Z",
        "agent_id": "agent.trading-bot-v2",
        "governance_hash": "0f540b499d304fad8488f778f887086fd97d83643e2f2c47178aabc97a7951c4",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "sequence_number": 1,
    })
}

#[test]
fn events_of_the_published_packages_pass() {
    for (event, what) in [
        (data("aigp/vectors/worked-aigp-1.0.0.json")["signed_event"].clone(), "PyPI 1.0.0, signed"),
        (data("aigp/vectors/event-v0.12-signed.json"), "0.12"),
        (data("aigp/vectors/event-v0.13-signed.json"), "0.13"),
    ] {
        let examination = examine(&event);
        assert_eq!(at_least(&examination, Severity::Warning), [], "{what}");
        assert_eq!(examination.subject.as_deref(), Some("agent.trading-bot-v2"));
    }
    let envelope =
        bench().examine(Kind::AigpCloudEvent, &file("aigp/vectors/cloudevent-structured-v0.12.json"));
    assert_eq!(at_least(&envelope, Severity::Warning), []);
    assert_eq!(envelope.subject.as_deref(), Some("agent.trading-bot-v2"));
    assert_eq!(values(&envelope, "aigp.ce_source"), ["aigp://org.finco/agent.trading-bot-v2"]);
}

/// Outside a span the published client leaves the trace empty and the sequence 0: accepted, told, not chained.
#[test]
fn what_the_instrumentor_really_sends_is_accepted_with_findings() {
    let lines = String::from_utf8(file("aigp/vectors/reference-output-aigp-1.0.0.jsonl")).unwrap();
    let all: Vec<Examination> =
        lines.lines().map(|line| bench().examine(Kind::AigpEvent, line.as_bytes())).collect();
    let told: Vec<Vec<(&str, &str)>> = all.iter().map(|one| at_least(one, Severity::Warning)).collect();
    let (empty, zero) =
        (("PROFILE_REQUIREMENT_FAILED", "/trace_id"), ("PROFILE_REQUIREMENT_FAILED", "/sequence_number"));
    assert_eq!(told, [vec![empty, zero], vec![], vec![], vec![zero], vec![]]);
    let chained: Vec<usize> = all.iter().map(|one| one.links.len()).collect();
    assert_eq!(chained, [0, 1, 1, 0, 1]);
}

#[test]
fn the_validation_fixtures_of_the_sdks() {
    let text = String::from_utf8(file("aigp/vectors/validation-fixtures.tsv")).unwrap();
    let mut rows = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = rows.next().unwrap();
    let mut seen = 0;
    for row in rows {
        let mut event = flat();
        for (name, value) in
            names.iter().zip(&row).filter(|(name, _)| !matches!(**name, "case_id" | "expect_valid"))
        {
            event[*name] =
                if *name == "sequence_number" { json!(value.parse::<u64>().unwrap()) } else { json!(value) };
        }
        let examination = examine(&event);
        let valid = row.last() == Some(&"true");
        assert_eq!(
            at_least(&examination, Severity::Warning).is_empty(),
            valid,
            "{row:?}: {:?}",
            examination.findings
        );
        seen += 1;
    }
    assert_eq!(seen, 8);
}

#[test]
fn an_empty_hash_is_legal_for_lifecycle_events_under_a_switch() {
    let event =
        changed(&changed(&flat(), "/governance_hash", json!("")), "/event_type", json!("AGENT_REGISTERED"));
    let told = [("SCHEMA_VALIDATION_FAILED", "/governance_hash")];
    assert_eq!(at_least(&examine(&event), Severity::Warning), told, "before 0.12 the schema allows it");
    let event = changed(&event, "/spec_version", json!("0.12"));
    assert_eq!(errors(&examine(&event)), told);
    let mut lenient = bench();
    lenient.switches.push(Switch::AigpEmptyLifecycleHash);
    assert_eq!(errors(&lenient.of(Kind::AigpEvent, &event)), []);
    let other = changed(&event, "/event_type", json!("INJECT_SUCCESS"));
    assert_eq!(errors(&lenient.of(Kind::AigpEvent, &other)), told);
}

/// 6 of the 25 published examples of 0.8 have hashes of 62 digits and break their own schema.
#[test]
fn the_published_examples_and_the_six_that_break_their_own_schema() {
    let broken = [
        "inference-completed",
        "memory-read",
        "memory-written",
        "merkle-governance-proof",
        "model-loaded",
        "tool-invoked",
    ];
    let mut lenient = bench();
    lenient.switches.push(Switch::AigpEmptyLifecycleHash);
    let mut seen = 0;
    for name in folder("aigp/examples-v0.8") {
        let examination = lenient.of(Kind::AigpEvent, &data(&name));
        let bad = broken.iter().any(|broken| name.ends_with(&format!("/{broken}.json")));
        let hashes: Vec<_> =
            errors(&examination).into_iter().filter(|(id, _)| *id == "SCHEMA_VALIDATION_FAILED").collect();
        assert_eq!(!hashes.is_empty(), bad, "{name}: {:?}", examination.findings);
        seen += 1;
    }
    assert_eq!(seen, 25);
}

#[test]
fn the_homepage_sample_gives_the_four_findings_expected_of_it() {
    let examination = examine(&data("aigp/negative/homepage-sample.json"));
    let expected = data("aigp/negative/homepage-sample.expected.json");
    for id in expected["expected_findings"].as_array().unwrap() {
        assert!(
            errors(&examination).iter().any(|(found, _)| found == id),
            "{id}: {:?}",
            examination.findings
        );
    }
    let mut ids: Vec<&str> = errors(&examination).into_iter().map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "and no other: {ids:?}");
}

/// Neither root nor proof of the published example verifies, and it says 0.12 with members of 0.8.
#[test]
fn the_published_merkle_example_verifies_nowhere() {
    let facts = data("aigp/negative/published-merkle-governance-proof.json");
    let leaf = |hash: &Value| json!({ "resource_type": "policy", "resource_name": "policy.x", "hash": hash });
    let leaves: Vec<Value> = facts["leaves"].as_array().unwrap().iter().map(leaf).collect();
    let mut event = flat();
    event["spec_version"] = json!("0.12");
    event["hash_type"] = json!("merkle-sha256");
    event["governance_hash"] = facts["governance_hash"].clone();
    event["governance_merkle_tree"] = json!({
        "algorithm": "sha256",
        "leaf_count": leaves.len(),
        "leaves": leaves,
        "inclusion_proofs": [facts["inclusion_proof"]],
    });
    let examination = examine(&event);
    for id in ["MERKLE_ROOT_MISMATCH", "INCLUSION_PROOF_INVALID", "SCHEMA_VALIDATION_FAILED"] {
        assert!(
            errors(&examination).iter().any(|(found, _)| *found == id),
            "{id}: {:?}",
            examination.findings
        );
    }
}

/// Trees of 2, 4, 5 and 9 resources, with every inclusion proof, as the SDK makes them.
#[test]
fn trees_and_proofs_of_the_sdk_fold() {
    for tree in data("aigp/vectors/worked-aigp-1.0.0.json")["trees"].as_array().unwrap() {
        let mut event = flat();
        event["hash_type"] = json!("merkle-sha256");
        event["governance_hash"] = tree["governance_hash"].clone();
        event["governance_merkle_tree"] = tree["governance_merkle_tree"].clone();
        let examination = examine(&event);
        for id in ["MERKLE_ROOT_MISMATCH", "INCLUSION_PROOF_INVALID"] {
            assert!(!has(&examination, id), "{:?}", examination.findings);
        }
        let proofs = event["governance_merkle_tree"]["inclusion_proofs"].as_array().map_or(0, Vec::len);
        assert!(proofs >= 2);
    }
}

#[test]
fn a_tree_that_is_not_as_declared() {
    let good = data("aigp/vectors/event-v0.12-signed.json");
    let at = "/governance_merkle_tree";
    let swapped = {
        let mut event = good.clone();
        event["governance_merkle_tree"]["resources"].as_array_mut().unwrap().swap(0, 1);
        event
    };
    let upper = good["governance_merkle_tree"]["resources"][0]["hash"].as_str().unwrap().to_uppercase();
    let node = format!("{}{}", "ab".repeat(32), "cd".repeat(32));
    let proof = "/governance_merkle_tree/inclusion_proofs/0";
    for (event, id) in [
        (changed(&good, "/governance_hash", json!("ab".repeat(32))), "MERKLE_ROOT_MISMATCH"),
        (changed(&good, &format!("{at}/resource_count"), json!(4)), "MERKLE_ROOT_MISMATCH"),
        (changed(&good, &format!("{at}/algorithm"), json!("sha512")), "MERKLE_ROOT_MISMATCH"),
        (changed(&good, &format!("{at}/resources/0/hash"), json!(upper)), "MERKLE_ROOT_MISMATCH"),
        (changed(&good, &format!("{at}/resources/0/hash"), json!(node)), "MERKLE_ROOT_MISMATCH"),
        (changed(&good, &format!("{proof}/proof_path"), json!([])), "INCLUSION_PROOF_INVALID"),
        (changed(&good, &format!("{proof}/leaf_hash"), json!("ab".repeat(32))), "INCLUSION_PROOF_INVALID"),
        (
            changed(&good, &format!("{proof}/proof_path/0/sibling_position"), json!("up")),
            "INCLUSION_PROOF_INVALID",
        ),
    ] {
        assert!(errors(&examine(&event)).iter().any(|(found, _)| *found == id), "{id}: {event}");
    }
    assert!(
        at_least(&examine(&swapped), Severity::Warning)
            .contains(&("MERKLE_ROOT_MISMATCH", "/governance_merkle_tree/resources"))
    );
}

fn jws(header: &Value, event: &Value, key: &PrivateKey) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", part(header), part(event));
    format!("{message}.{}", BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()).unwrap()))
}

#[test]
fn signatures_are_verified_as_transmitted_and_compared_with_the_event() {
    let key = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let bench = Bench::new().trusting(System::Aigp, key.public_key().clone(), Some("k1"));
    let header = json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" });
    let event = changed(&flat(), "/annotations", json!({ "score": 1 }));
    let with = |jws: &str, kid: &str| {
        changed(&changed(&event, "/event_signature", json!(jws)), "/signature_key_id", json!(kid))
    };
    let signed = jws(&header, &event, &key);
    let check = |event: &Value| -> Vec<(String, Severity)> {
        let examination = bench.of(Kind::AigpEvent, event);
        let found =
            examination.findings.into_iter().filter(|finding| finding.id == "SIGNATURE_VERIFICATION_FAILED");
        found.map(|finding| (finding.message, finding.severity)).collect()
    };
    assert_eq!(check(&with(&signed, "k1")), []);
    // Another writer's spelling of the same values.
    let spelled = jws(&header, &changed(&event, "/annotations", json!({ "score": 1.0 })), &key);
    assert_eq!(check(&with(&spelled, "k1")), []);

    let parts: Vec<&str> = signed.split('.').collect();
    let other_event = jws(&header, &changed(&event, "/agent_id", json!("agent.x")), &key);
    let more = jws(&header, &changed(&event, "/extra", json!(1)), &key);
    for (what, jws) in [
        (
            "the payload replaced, which the published verifier accepts",
            format!("{}.AAAA.{}", parts[0], parts[2]),
        ),
        ("another event", other_event),
        ("a member more", more),
        ("alg none", jws(&json!({ "alg": "none", "kid": "k1" }), &event, &key)),
        ("another algorithm", jws(&json!({ "alg": "ES384", "kid": "k1" }), &event, &key)),
        ("another kid", jws(&json!({ "alg": "ES256", "kid": "k2" }), &event, &key)),
        ("no kid", jws(&json!({ "alg": "ES256" }), &event, &key)),
        ("crit", jws(&json!({ "alg": "ES256", "kid": "k1", "crit": ["b64"] }), &event, &key)),
        ("an empty signature", format!("{}.{}.", parts[0], parts[1])),
        ("four parts", format!("{signed}.AA")),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("another key", jws(&header, &event, &PrivateKey::generate(KeyAlgorithm::Es256).unwrap())),
    ] {
        let found = check(&with(&jws, "k1"));
        assert!(found.iter().any(|(_, severity)| *severity == Severity::Error), "{what}: {found:?}");
    }
    // signature_key_id is not covered, so it must be kid.
    assert!(check(&with(&signed, "k2")).iter().any(|(_, severity)| *severity == Severity::Error));
    // A key nobody configured: not checked, and that is said.
    let unknown = Bench::new().of(Kind::AigpEvent, &with(&signed, "k1"));
    assert_eq!(
        at_least(&unknown, Severity::Warning),
        [("SIGNATURE_VERIFICATION_FAILED", "/event_signature")]
    );
    assert_eq!(errors(&unknown), []);
}

#[test]
fn severe_events_must_be_signed() {
    let severe = changed(&flat(), "/severity", json!("critical"));
    assert_eq!(
        at_least(&examine(&severe), Severity::Warning),
        [("PROFILE_REQUIREMENT_FAILED", "/event_signature")]
    );
    assert_eq!(at_least(&examine(&changed(&flat(), "/severity", json!("low"))), Severity::Warning), []);
}

#[test]
fn order_and_cause_are_findings_of_the_log() {
    let event = |id: u64, sequence: u64, cause: &str| {
        let mut event = flat();
        event["event_id"] = json!(format!("f1a2b3c4-d5e6-4890-abcd-{id:012}"));
        event["sequence_number"] = json!(sequence);
        event["causality_ref"] = json!(cause);
        examine(&event)
    };
    let log = |events: &[&Examination]| {
        Rows(
            events
                .iter()
                .enumerate()
                .flat_map(|(at, one)| rows_of(one, u64::try_from(at).unwrap()))
                .collect(),
        )
    };
    let ids = |one: &Examination, on: &[&Examination]| -> Vec<String> {
        let found = log_findings(&one.probes, &log(on), proofs::LeafIndex::new(9)).unwrap();
        assert!(found.iter().all(|finding| finding.as_of == Some(9) && finding.severity < Severity::Error));
        found.into_iter().map(|finding| finding.id.into_owned()).collect()
    };
    let (one, two, three) = (event(1, 1, ""), event(2, 2, ""), event(3, 3, ""));
    assert_eq!(ids(&one, &[]), Vec::<String>::new());
    assert_eq!(ids(&two, &[&one]), Vec::<String>::new());
    assert_eq!(ids(&two, &[]), ["SEQUENCE_GAP"]);
    assert_eq!(ids(&three, &[&one]), ["SEQUENCE_GAP"]);
    assert_eq!(ids(&event(4, 2, ""), &[&one, &two]), ["SEQUENCE_DUPLICATE"]);
    assert_eq!(ids(&event(5, 1, ""), &[&one]), ["SEQUENCE_DUPLICATE"]);
    assert_eq!(ids(&event(5, 1, ""), &[&one, &two]), ["SEQUENCE_RESET"]);
    let caused = event(6, 2, "f1a2b3c4-d5e6-4890-abcd-000000000001");
    assert_eq!(ids(&caused, &[&one]), Vec::<String>::new());
    assert_eq!(ids(&event(6, 1, "f1a2b3c4-d5e6-4890-abcd-000000000009"), &[]), ["BROKEN_CAUSAL_REF"]);
    // Another agent, another chain.
    let mut other = flat();
    other["agent_id"] = json!("agent.other");
    assert_eq!(ids(&examine(&other), &[&one, &two]), Vec::<String>::new());
}

#[test]
fn cloud_events_agree_with_the_event_in_them() {
    let good = data("aigp/vectors/cloudevent-structured-v0.12.json");
    for (pointer, value, expected) in [
        ("/specversion", json!("0.3"), ("SCHEMA_VALIDATION_FAILED", "/specversion")),
        ("/type", json!("org.aigp.v1.inject_success"), ("SCHEMA_VALIDATION_FAILED", "/type")),
        ("/id", json!(null), ("SCHEMA_VALIDATION_FAILED", "/id")),
        ("/data", json!("text"), ("SCHEMA_VALIDATION_FAILED", "/data")),
        ("/source", json!("aigp://org.other/agent.x"), ("PROFILE_REQUIREMENT_FAILED", "/source")),
        ("/aigpagentid", json!("agent.x"), ("PROFILE_REQUIREMENT_FAILED", "/aigpagentid")),
        ("/data/severity", json!("worst"), ("SCHEMA_VALIDATION_FAILED", "/data/severity")),
    ] {
        let examination = bench().of(Kind::AigpCloudEvent, &changed(&good, pointer, value));
        assert!(
            at_least(&examination, Severity::Warning).contains(&expected),
            "{pointer}: {:?}",
            examination.findings
        );
    }
    let foreign = bench().of(Kind::AigpCloudEvent, &changed(&good, "/type", json!("com.example.thing")));
    assert_eq!(at_least(&foreign, Severity::Info), [("CLOUDEVENT_OTHER_SYSTEM", "/type")]);
}

#[test]
fn the_report_is_in_aigp_s_own_format() {
    let schema: Value =
        serde_json::from_slice(&file("aigp/aigp-verifier-report.constraints.schema.json")).unwrap();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    for (name, result) in [("negative/homepage-sample", "fail"), ("vectors/event-v0.12-signed", "pass")] {
        let payload = file(&format!("aigp/{name}.json"));
        let examination = bench().examine(Kind::AigpEvent, &payload);
        let report =
            verifier_report(&payload, &examination.findings, "run-1", UnixTime::from_secs(1_790_000_000));
        assert!(
            schema.is_valid(&report),
            "{:?}\n{report:#}",
            schema.iter_errors(&report).map(|e| e.to_string()).collect::<Vec<_>>()
        );
        assert_eq!(report["result"], result);
        assert_eq!(report["verified_at"], "2026-09-21T14:13:20Z");
    }
    let broken = verifier_report(
        b"{",
        &bench().examine(Kind::AigpEvent, b"{").findings,
        "run-2",
        UnixTime::from_secs(0),
    );
    assert!(schema.is_valid(&broken), "{broken:#}");
    assert_eq!(broken["findings"][0]["details"]["id"], "JSON_MALFORMED");
}

#[test]
fn terms_of_systems_md_2_5() {
    let examination = examine(&data("aigp/vectors/worked-aigp-1.0.0.json")["signed_event"]);
    assert_eq!(values(&examination, "aigp.resource_name").len(), 3);
    assert_eq!(values(&examination, "aigp.leaf_hash").len(), 3);
    assert_eq!(values(&examination, "aigp.event_time"), [format!("{:016x}", 1_790_812_800)]);
    assert_eq!(values(&examination, "aigp.signature_key_id"), [KID]);
    let named: Map<String, Value> = flat().as_object().unwrap().clone();
    let mut named = Value::Object(named);
    named["policy_name"] = json!("policy.a");
    named["policy_version"] = json!(4);
    assert_eq!(values(&examine(&named), "aigp.policy"), ["policy.a", "policy.a@4"]);
}
