//! What examining a payload costs. A TRACE record's Ed25519 signature is measured beside it, so that the examination
//! without its signature check is the difference of the two; the AIGP events name no key that is known here, so their
//! signature is not checked.

#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first thing that is not as it should be")]

use std::hint::black_box;

use criterion::Criterion;
use ledger::profile::{Circumstances, Kind, examine};
use ledger::signer::{KeyAlgorithm, PrivateKey};
use ledger::trust::AnchorSet;
use proofs::{EntryId, Signer, UnixTime};
use serde_json::Value;

fn data(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn profiles(criterion: &mut Criterion) {
    let anchors = AnchorSet::default();
    let circumstances = Circumstances {
        anchors: &anchors,
        evaluated_at: UnixTime::from_secs(1_790_001_000),
        service: "https://ts.example",
        log_id: EntryId::from_bytes([7; 32]),
        switches: &[],
        subject: None,
        key: None,
    };
    let trace: Value = serde_json::from_slice(&data("trace/vectors/signed-local/02-level2.json")).unwrap();
    let trace = trace.get("record").unwrap().to_string().into_bytes();
    let flat = data("aigp/vectors/reference-output-aigp-1.0.0.jsonl");
    let flat = flat.split(|byte| *byte == b'\n').nth(1).unwrap().to_vec();
    let merkle = data("aigp/vectors/event-v0.12-signed.json");
    for (name, kind, payload) in [
        ("trace record, with its signature", Kind::TraceRecord, &trace),
        ("aigp event, flat", Kind::AigpEvent, &flat),
        ("aigp event, tree, proofs and JWS unchecked", Kind::AigpEvent, &merkle),
    ] {
        let examined = examine(kind, payload, &circumstances);
        assert!(!examined.refuses(ledger::profile::Enforce::Errors), "{name}: {:?}", examined.findings);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| examine(kind, black_box(payload), &circumstances));
        });
    }
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let signature = key.sign(&trace).unwrap();
    criterion.bench_function("the signature of a trace record", |bencher| {
        bencher.iter(|| key.public_key().verify(proofs::Algorithm::Ed25519, black_box(&trace), &signature));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    profiles(&mut criterion);
    criterion.final_summary();
}
