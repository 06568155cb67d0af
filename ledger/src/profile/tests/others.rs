//! Agent Evidence, IATP and Agent Trace.

use data_encoding::BASE64;
use proofs::{PublicKey, Signer};
use serde_json::{Value, json};

use super::super::look::{rfc3339, to_rfc3339};
use super::super::{
    Kind, LineRanges, MAX_LINE_RANGES, MAX_LINE_TEXT, Severity, System, lines_of, log_findings,
    manifest_findings,
};
use super::trace::{Rows, rows_of};
use super::{Bench, at_least, changed, data, errors, file, folder, has, values};
use crate::signer::{KeyAlgorithm, PrivateKey};

fn ids(found: Vec<(&str, &str)>) -> Vec<String> {
    found.into_iter().map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn agent_evidence_every_case() {
    let cases = data("agent-evidence/samples/cases.json");
    let mut seen = 0;
    for case in cases["cases"].as_array().unwrap() {
        let kind = if case["kind"] == "pack" { Kind::EvidencePack } else { Kind::EvidenceManifest };
        let examination = Bench::new().of(kind, &case["document"]);
        let schema_valid = !has(&examination, "AEV_SCHEMA");
        assert_eq!(json!(schema_valid), case["schema_valid"], "{}: {:?}", case["name"], examination.findings);
        if schema_valid {
            let found = ids(at_least(&examination, Severity::Warning));
            assert_eq!(json!(found), case["referential_findings"], "{}", case["name"]);
        }
        seen += 1;
    }
    assert_eq!(seen, 18);
}

#[test]
fn agent_evidence_files_are_compared_where_their_bytes_are() {
    let cases = data("agent-evidence/samples/cases.json");
    let pack = cases["pack_bytes_for_manifest"].as_str().unwrap().as_bytes().to_vec();
    let manifest =
        cases["cases"].as_array().unwrap().iter().find(|case| case["name"] == "manifest-valid").unwrap();
    let check = |manifest: &Value, bytes: Option<Vec<u8>>| {
        let found = manifest_findings(manifest.to_string().as_bytes(), &mut |_| bytes.clone()).unwrap();
        found.into_iter().map(|finding| finding.id.into_owned()).collect::<Vec<_>>()
    };
    let manifest = &manifest["document"];
    assert_eq!(check(manifest, Some(pack.clone())), Vec::<String>::new());
    assert_eq!(check(manifest, None), ["MANIFEST_FILE_NOT_SUPPLIED"]);
    let mut other = pack.clone();
    other[0] ^= 1;
    assert_eq!(check(manifest, Some(other)), ["MANIFEST_HASH_MISMATCH"]);
    assert_eq!(
        check(manifest, Some(pack[1..].to_vec())),
        ["MANIFEST_SIZE_MISMATCH", "MANIFEST_HASH_MISMATCH"]
    );
    let sha512 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, &pack);
    let sha512 = format!("sha512:{}", data_encoding::HEXLOWER.encode(sha512.as_ref()));
    assert_eq!(check(&changed(manifest, "/files/0/hash", json!(sha512)), Some(pack)), Vec::<String>::new());
    assert_eq!(manifest_findings(b"{", &mut |_| None), None);
}

#[test]
fn agent_evidence_paths_that_leave_their_folder() {
    let cases = data("agent-evidence/samples/cases.json");
    let manifest =
        cases["cases"].as_array().unwrap().iter().find(|case| case["name"] == "manifest-valid").unwrap();
    for path in ["/etc/x", "a/../../b", "..", "C:\\x", "\\\\host\\x", "a\\..\\..\\b", "~/x", "", "a\nb"] {
        let manifest = changed(&manifest["document"], "/files/0/path", json!(path));
        let examination = Bench::new().of(Kind::EvidenceManifest, &manifest);
        assert!(errors(&examination).contains(&("MANIFEST_PATH_UNSAFE", "/files/0/path")), "{path:?}");
    }
    for path in ["a/b..c", "...", "a b/c.json", "dir/.hidden"] {
        let manifest = changed(&manifest["document"], "/files/0/path", json!(path));
        assert_eq!(errors(&Bench::new().of(Kind::EvidenceManifest, &manifest)), [], "{path:?}");
    }
}

#[test]
fn agent_evidence_the_other_documents() {
    let bench = Bench::new();
    let good = [
        (
            Kind::EvidenceEvent,
            json!({ "type": "evidence.pack.created", "event_id": "e1", "timestamp": "2026-10-01T00:00:00Z", "schema_version": "0.1.0" }),
        ),
        (
            Kind::EvidenceClaimMap,
            json!({ "claim_map_id": "m1", "schema_version": "0.1.0", "claims": [{ "claim_id": "c1", "text": "x", "status": "unsupported" }] }),
        ),
        (Kind::EvidenceSourceMap, json!({ "source_map_id": "m2", "schema_version": "0.1.0", "sources": [] })),
        (
            Kind::EvidenceProvenance,
            json!({ "provenance_id": "p1", "schema_version": "0.1.0", "nodes": [{ "node_id": "n1", "type": "entity" }], "edges": [] }),
        ),
        (Kind::EvidenceVerification, json!({ "schema_version": "0.1.0", "evidence_pack_id": "pack-1" })),
    ];
    for (kind, document) in good {
        let examination = bench.of(kind, &document);
        let schema = super::super::schema_digests().count();
        assert!(schema > 0);
        if kind != Kind::EvidenceEvent {
            assert_eq!(errors(&examination), [], "{}", kind.profile());
        }
        assert!(examination.subject.is_some(), "{}", kind.profile());
        let later = changed(&document, "/schema_version", json!("0.1.8"));
        assert!(
            errors(&bench.of(kind, &later)).contains(&("AEV_SCHEMA", "/schema_version")),
            "the schemas know 0.1.0 only"
        );
    }
    let dangling = json!({ "provenance_id": "p1", "schema_version": "0.1.0", "nodes": [], "edges": [{ "edge_id": "e", "from": "a", "to": "b", "relationship": "used" }] });
    let examination = bench.of(Kind::EvidenceProvenance, &dangling);
    assert!(has(&examination, "PROVENANCE_NODE_UNRESOLVED"));
}

#[test]
fn agent_evidence_versions_of_a_pack_are_linked() {
    let cases = data("agent-evidence/samples/cases.json");
    let pack = Bench::new().of(Kind::EvidencePack, &cases["cases"][0]["document"]);
    let view = Rows(rows_of(&pack, 3));
    let found = log_findings(&pack.probes, &view, proofs::LeafIndex::new(4)).unwrap();
    assert_eq!(found.iter().map(|finding| finding.id.as_ref()).collect::<Vec<_>>(), ["PACK_EARLIER_VERSION"]);
    assert_eq!(log_findings(&pack.probes, &Rows(vec![]), proofs::LeafIndex::new(4)).unwrap(), []);
    assert_eq!(values(&pack, "evidence.pack_id"), ["pack-0001"]);
    assert_eq!(values(&pack, "evidence.scope"), ["run_id=run-1"]);
}

fn iatp_bench() -> Bench {
    let key = data("iatp/vectors/attestation-vectors.json")["public_key_b64"].as_str().unwrap().to_owned();
    let key = PublicKey::ed25519(BASE64.decode(key.as_bytes()).unwrap().try_into().unwrap()).unwrap();
    Bench::new().trusting(System::Iatp, key, Some("cp-key-1"))
}

#[test]
fn iatp_every_attestation_vector() {
    let vectors = data("iatp/vectors/attestation-vectors.json");
    let ambiguous = [("IATP_AMBIGUOUS_FIELD", "/codebase_hash"), ("IATP_AMBIGUOUS_FIELD", "/config_hash")];
    for (pointer, expected) in [
        ("/signed/attestation", vec![]),
        // The signature still holds: expires_at is not covered by it, which a finding says.
        ("/signed_expires_at_changed/attestation", vec![]),
        ("/placeholder_no_key/attestation", vec![("IATP_UNSIGNED_PLACEHOLDER", "/signature")]),
        ("/placeholder_pem_key/attestation", vec![("IATP_UNSIGNED_PLACEHOLDER", "/signature")]),
        ("/config_hash_changed/attestation", vec![("IATP_SIGNATURE_INVALID", "/signature")]),
        ("/colon_ambiguity/attestation_a", ambiguous.to_vec()),
        ("/colon_ambiguity/attestation_b", ambiguous.to_vec()),
    ] {
        let examination = iatp_bench().of(Kind::IatpAttestation, vectors.pointer(pointer).unwrap());
        assert_eq!(errors(&examination), expected, "{pointer}");
        assert!(
            has(&examination, "IATP_EXPIRY_UNSIGNED") && has(&examination, "IATP_KEY_ID_UNSIGNED"),
            "{pointer}"
        );
    }
}

#[test]
fn iatp_the_strict_profile() {
    let good = data("iatp/vectors/attestation-vectors.json").pointer("/signed/attestation").unwrap().clone();
    let bench = iatp_bench();
    for (pointer, value, expected) in [
        ("/signature", json!("AAAA"), ("IATP_SIGNATURE_INVALID", "/signature")),
        ("/timestamp", json!("2026-11-20T15:15:46"), ("IATP_TIMESTAMP", "/timestamp")),
        ("/agent_id", json!("a\nb"), ("IATP_AMBIGUOUS_FIELD", "/agent_id")),
        ("/codebase_hash", json!("A".repeat(64)), ("IATP_AMBIGUOUS_FIELD", "/codebase_hash")),
        ("/config_hash", json!(null), ("IATP_SCHEMA", "/config_hash")),
    ] {
        assert!(
            errors(&bench.of(Kind::IatpAttestation, &changed(&good, pointer, value))).contains(&expected),
            "{pointer}"
        );
    }
    let unknown = bench.of(Kind::IatpAttestation, &changed(&good, "/signing_key_id", json!("cp-key-2")));
    assert_eq!(at_least(&unknown, Severity::Warning), [("IATP_UNKNOWN_KEY", "/signing_key_id")]);
    // Ids with colons are DIDs; with hashes of 64 digits they are unambiguous.
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let bench = Bench::new().trusting(System::Iatp, key.public_key().clone(), Some("k"));
    let mut record = changed(&good, "/agent_id", json!("did:web:example.org"));
    record["signing_key_id"] = json!("k");
    let of = |name: &str| record[name].as_str().unwrap().to_owned();
    let message = [of("agent_id"), of("codebase_hash"), of("config_hash"), of("timestamp")].join(":");
    let signed = changed(&record, "/signature", json!(BASE64.encode(&key.sign(message.as_bytes()).unwrap())));
    let examination = bench.of(Kind::IatpAttestation, &signed);
    assert_eq!(at_least(&examination, Severity::Warning), []);
    assert_eq!(examination.subject.as_deref(), Some("did:web:example.org"));
    let found = log_findings(&examination.probes, &Rows(rows_of(&examination, 1)), proofs::LeafIndex::new(2))
        .unwrap();
    assert_eq!(found[0].id, "IATP_SUPERSEDES");
}

/// All five published manifests match the package's model and fail the repository's own schema.
#[test]
fn iatp_manifests_match_one_of_their_two_schemas() {
    let names = folder("iatp/manifests");
    assert_eq!(names.len(), 5);
    for name in names {
        let examination = Bench::new().of(Kind::IatpManifest, &data(&name));
        assert_eq!(
            at_least(&examination, Severity::Info),
            [("IATP_MANIFEST_REPOSITORY_SCHEMA", "")],
            "{name}"
        );
    }
    let event = json!({ "event_id": "e", "agent_id": "a", "event_type": "timeout", "severity": "low", "score_delta": -0.5, "timestamp": "2026-01-01T00:00:00Z" });
    let examination = Bench::new().of(Kind::IatpReputation, &event);
    assert_eq!(at_least(&examination, Severity::Info), []);
    assert_eq!(values(&examination, "iatp.event_id"), ["e"]);
    assert_eq!(
        errors(&Bench::new().of(Kind::IatpReputation, &changed(&event, "/score_delta", json!("x")))),
        [("IATP_SCHEMA", "/score_delta")]
    );
}

#[test]
fn agent_trace_every_case() {
    let cases = data("agent-trace/vectors/cases.json");
    let cases = cases.get("cases").unwrap_or(&cases).as_array().unwrap().clone();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let examination = Bench::new().of(Kind::AgentTraceRecord, &case["record"]);
        let extra: Vec<&str> =
            case["extra_findings"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        // Two parts break the schema of the README and are what the reference hook writes: told, not refused.
        let valid = case["readme_schema_valid"] == true || extra.contains(&"VERSION_TWO_PART");
        assert_eq!(
            !has(&examination, "AGENT_TRACE_SCHEMA"),
            valid,
            "{}: {:?}",
            case["name"],
            examination.findings
        );
        let mut found = ids(at_least(&examination, Severity::Info));
        found.retain(|id| {
            id != "AGENT_TRACE_SCHEMA"
                && (id != "NON_INTEGER_NUMBER" || extra.contains(&"NON_INTEGER_NUMBER"))
        });
        assert_eq!(found, extra, "{}", case["name"]);
    }
}

/// Everything that the reference hook writes breaks its own schema; it is accepted, with findings.
#[test]
fn agent_trace_real_output_of_the_hook_is_accepted() {
    let lines = String::from_utf8(file("agent-trace/reference-output/traces.jsonl")).unwrap();
    let mut seen = 0;
    for line in lines.lines() {
        let examination = Bench::new().examine(Kind::AgentTraceRecord, line.as_bytes());
        assert_eq!(errors(&examination), [], "{line}");
        assert!(has(&examination, "VERSION_TWO_PART"));
        seen += 1;
    }
    assert_eq!(seen, 4);
    for name in folder("agent-trace/examples") {
        assert_eq!(errors(&Bench::new().of(Kind::AgentTraceRecord, &data(&name))), [], "{name}");
    }
}

#[test]
fn agent_trace_one_id_is_one_record() {
    let record = data("agent-trace/examples/example-6.2.json");
    let first = Bench::new().of(Kind::AgentTraceRecord, &record);
    let other = Bench::new()
        .of(Kind::AgentTraceRecord, &changed(&record, "/timestamp", json!("2026-01-23T14:31:00Z")));
    let view = Rows(rows_of(&first, 1));
    let at = proofs::LeafIndex::new(2);
    assert_eq!(log_findings(&first.probes, &view, at).unwrap(), [], "the same bytes again");
    let found = log_findings(&other.probes, &view, at).unwrap();
    assert_eq!(found.iter().map(|finding| finding.id.as_ref()).collect::<Vec<_>>(), ["RECORD_ID_CONFLICT"]);
}

#[test]
fn agent_trace_who_wrote_the_line() {
    let record = data("agent-trace/examples/example-6.2.json");
    let bytes = record.to_string();
    let file = &record["files"][0];
    let path = file["path"].as_str().unwrap();
    let range = &file["conversations"][0]["ranges"][0];
    let start = range["start_line"].as_u64().unwrap();
    let found = lines_of(bytes.as_bytes(), path, start);
    assert_eq!((found.ranges[0].start_line, found.complete), (start, true));
    assert!(found.ranges[0].contributor.is_some());
    let none = LineRanges { ranges: Vec::new(), complete: true };
    assert_eq!(lines_of(bytes.as_bytes(), path, 1_000_000), none);
    assert_eq!(lines_of(bytes.as_bytes(), "other", start), none);
    let nested = json!({ "files": [{ "path": "a", "conversations": [
        { "contributor": { "type": "ai", "model_id": "m" }, "ranges": [{ "start_line": 1, "end_line": 100 }, { "start_line": 5, "end_line": 6, "contributor": { "type": "human" } }] },
    ] }] });
    let found = lines_of(nested.to_string().as_bytes(), "a", 5);
    let who: Vec<_> = found
        .ranges
        .iter()
        .map(|range| (range.start_line, range.contributor.as_deref(), range.model_id.as_deref()))
        .collect();
    assert_eq!(who, [(5, Some("human"), Some("m")), (1, Some("ai"), Some("m"))], "the innermost first");
}

/// What is told of a record about line 1, and how many bytes of text that is.
fn told(conversations: Value) -> (LineRanges, usize) {
    let record = json!({ "files": [{ "path": "a", "conversations": conversations }] });
    let found = lines_of(record.to_string().as_bytes(), "a", 1);
    let texts = found
        .ranges
        .iter()
        .flat_map(|range| [&range.conversation, &range.contributor, &range.model_id, &range.content_hash]);
    let bytes = texts.flatten().map(String::len).sum();
    (found, bytes)
}

/// One text of a conversation is that of all its ranges, so a record of a megabyte could ask for gigabytes.
#[test]
fn what_is_left_out_of_the_ranges_of_a_line_is_said() {
    let one = json!({ "start_line": 1, "end_line": 1 });
    let many = |url: usize, count: usize| {
        told(
            json!([{ "url": "x".repeat(url), "contributor": { "type": "ai" }, "ranges": vec![&one; count] }]),
        )
    };
    let (found, bytes) = many(520_000, 16_800);
    assert_eq!((found.ranges.len(), found.complete), (MAX_LINE_RANGES, false));
    assert_eq!(bytes, MAX_LINE_RANGES * (MAX_LINE_TEXT + 2));
    // At the bounds everything is told, beyond each of them it is said that not.
    let (found, bytes) = many(MAX_LINE_TEXT, MAX_LINE_RANGES);
    assert_eq!((found.ranges.len(), found.complete), (MAX_LINE_RANGES, true));
    assert_eq!(bytes, MAX_LINE_RANGES * (MAX_LINE_TEXT + 2));
    let (found, _) = many(MAX_LINE_TEXT + 1, 1);
    assert_eq!((found.ranges.len(), found.complete), (1, false));
    let (found, _) = many(1, MAX_LINE_RANGES + 1);
    assert_eq!((found.ranges.len(), found.complete), (MAX_LINE_RANGES, false));
}

#[test]
fn times_of_rfc_3339() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2026-10-01T00:00:00.000Z", Some(1_790_812_800)),
        ("2026-10-01T02:00:00+02:00", Some(1_790_812_800)),
        ("2026-09-30t23:30:00.5-00:30", Some(1_790_812_800)),
        ("2024-02-29T12:00:00Z", Some(1_709_208_000)),
        ("2000-02-29T00:00:00Z", Some(951_782_400)),
        ("2023-02-29T00:00:00Z", None),
        ("1900-02-29T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("2026-10-01T00:00:00", None),
        ("2026-10-01 00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-10-01T24:00:00Z", None),
        ("2026-10-01T00:00:00.Z", None),
        ("2026-10-01T00:00:00+0200", None),
        ("2026-1é-01T00:00:00Z", None),
        ("", None),
    ] {
        assert_eq!(rfc3339(text), seconds, "{text}");
    }
    for seconds in [0, 951_782_399, 951_782_400, 1_709_208_000, 1_790_812_800, 253_402_300_799] {
        assert_eq!(rfc3339(&to_rfc3339(seconds)), Some(seconds));
    }
    assert_eq!(to_rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
}
