//! Every vector of the systems, and hostile payloads. Data: `ledger/tests/data`, with source and licence beside it.

mod aigp;
mod bounds;
mod others;
mod registration;
mod trace;

use proofs::{EntryId, PublicKey, UnixTime};
use serde_json::{Value, json};

use super::*;
use crate::testing::NOW;
use crate::trust::{Anchor, AnchorId, AnchorIncrement, AnchorSet};

pub(super) const SERVICE: &str = "https://ts.example";

/// What an examination is held against.
pub(super) struct Bench {
    pub(super) anchors: AnchorSet,
    pub(super) switches: Vec<Switch>,
    pub(super) now: u64,
    pub(super) subject: Option<String>,
    pub(super) key: Option<PublicKey>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let (anchors, switches) = (AnchorSet::default(), Vec::new());
        Self { anchors, switches, now: NOW + 1000, subject: None, key: None }
    }

    /// A trust anchor for signatures inside payloads.
    pub(super) fn trusting(mut self, system: System, key: PublicKey, kid: Option<&str>) -> Self {
        let id = AnchorId::new(format!("k{}", self.anchors.iter().count())).unwrap();
        let anchor = Anchor::embedded_key(id, key, kid.map(str::to_owned), vec![system]).unwrap();
        let increment = AnchorIncrement::new(vec![anchor], Vec::new());
        self.anchors = self.anchors.after(&increment, proofs::LeafIndex::new(2));
        self
    }

    pub(super) fn examine(&self, kind: Kind, payload: &[u8]) -> Examination {
        let circumstances = Circumstances {
            anchors: &self.anchors,
            evaluated_at: UnixTime::from_secs(self.now),
            service: SERVICE,
            log_id: EntryId::from_bytes([7; 32]),
            switches: &self.switches,
            subject: self.subject.as_deref(),
            key: self.key.as_ref(),
        };
        let first = examine(kind, payload, &circumstances);
        assert_eq!(first, examine(kind, payload, &circumstances), "an examination is a pure function");
        first
    }

    pub(super) fn of(&self, kind: Kind, record: &Value) -> Examination {
        self.examine(kind, record.to_string().as_bytes())
    }
}

pub(super) fn data(path: &str) -> Value {
    serde_json::from_slice(&file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(super) fn file(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder, by name.
pub(super) fn folder(path: &str) -> Vec<String> {
    let folder = format!("{}/tests/data/{path}", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = names.filter(|entry| entry.file_type().unwrap().is_file());
    let mut names: Vec<String> =
        files.map(|entry| format!("{path}/{}", entry.file_name().into_string().unwrap())).collect();
    names.sort();
    names
}

/// Ids with their places, errors only.
pub(super) fn errors(examination: &Examination) -> Vec<(&str, &str)> {
    at_least(examination, Severity::Error)
}

pub(super) fn at_least(examination: &Examination, severity: Severity) -> Vec<(&str, &str)> {
    let findings = examination.findings.iter().filter(|finding| finding.severity >= severity);
    findings.map(|finding| (finding.id.as_ref(), finding.pointer.as_str())).collect()
}

pub(super) fn has(examination: &Examination, id: &str) -> bool {
    examination.findings.iter().any(|finding| finding.id == id)
}

pub(super) fn values(examination: &Examination, name: &str) -> Vec<String> {
    let code = TermName::of_name(name).unwrap_or_else(|| panic!("no term {name}")).code;
    examination.terms.iter().filter(|term| term.code == code).map(|term| term.value.clone()).collect()
}

/// The record with a place changed; `null` removes it.
pub(super) fn changed(record: &Value, pointer: &str, value: Value) -> Value {
    let mut record = record.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match record.pointer_mut(parent).unwrap() {
        Value::Object(members) if value == json!(null) => drop(members.remove(name)),
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{pointer}: {other}"),
    }
    record
}

#[test]
fn every_kind_has_one_profile_and_one_content_type() {
    for kind in Kind::all() {
        assert_eq!(Kind::of_profile(kind.profile()), Some(kind));
        let shouted = format!("{}; charset=utf-8", kind.content_type().to_uppercase());
        assert_eq!(Kind::of_content_type(&shouted), Some(kind));
        assert!(kind.profile().ends_with("@1"));
        assert_eq!(ProfileRule::of(kind).check(), Ok(()));
    }
    assert_eq!(Kind::of_content_type("application/json"), None);
    assert_eq!(Kind::of_profile("trace@2"), None);
}

#[test]
fn a_term_name_has_one_number_for_ever() {
    let mut codes: Vec<u8> = TERM_NAMES.iter().map(|term| term.code).collect();
    let mut names: Vec<&str> = TERM_NAMES.iter().map(|term| term.name).collect();
    codes.sort_unstable();
    codes.dedup();
    names.sort_unstable();
    names.dedup();
    assert_eq!((codes.len(), names.len()), (TERM_NAMES.len(), TERM_NAMES.len()));
    assert!(codes.iter().all(|code| *code < 200), "200 and more are links");
}

/// D18: a profile's version stands for its schema too. Whoever changes a schema makes a new version.
#[test]
fn schemas_of_version_1_do_not_change() {
    let all = schema_digests().map(|(name, digest)| format!("{name} {digest}\n"));
    let pinned = include_str!("../../schemas/profiles/SHA256");
    assert_eq!(all.collect::<String>(), pinned);
}

/// systems.md §1.2: the JCS crate against the examples of RFC 8785 §3.2 and appendix B.
#[test]
fn jcs_as_rfc_8785_writes_it() {
    let text = r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(String::from_utf8(canonical::jcs(&value).unwrap()).unwrap(), expected);
    let sorted = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let value: Value = serde_json::from_str(sorted).unwrap();
    let text = String::from_utf8(canonical::jcs(&value).unwrap()).unwrap();
    let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
        .map(|name| text.find(name).unwrap());
    assert!(order.is_sorted(), "UTF-16 code units decide: {text}");
    for (bits, expected) in [
        (0x0000_0000_0000_0000_u64, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
    ] {
        let value = json!(f64::from_bits(bits));
        assert_eq!(String::from_utf8(canonical::jcs(&value).unwrap()).unwrap(), expected);
    }
}
