//! What every profile's target checks.

use ledger::profile::{
    Circumstances, Enforce, Examination, Kind, MAX_FINDINGS, MAX_MESSAGE_BYTES, MAX_POINTER_BYTES,
    MAX_TERM_BYTES, MAX_TERMS, Severity, Switch, System, examine, subject_of,
};
use proofs::EntryId;

use crate::{EVALUATED_AT, governance};

/// Examines a payload as every kind of a system: a pure function, bounded in all it gives.
pub fn check(system: System, payload: &[u8]) -> Vec<Examination> {
    let governance = governance();
    let circumstances = Circumstances {
        anchors: governance.anchors(),
        evaluated_at: EVALUATED_AT,
        service: "https://ts.example",
        log_id: EntryId::from_bytes([7; 32]),
        switches: &[Switch::TraceV01, Switch::AigpEmptyLifecycleHash],
        subject: Some("spiffe://example.org/agent"),
        key: None,
    };
    let kinds = Kind::all().filter(|kind| kind.system() == system);
    kinds.map(|kind| one(kind, payload, &circumstances)).collect()
}

fn one(kind: Kind, payload: &[u8], circumstances: &Circumstances<'_>) -> Examination {
    let found = examine(kind, payload, circumstances);
    assert_eq!(found, examine(kind, payload, circumstances), "the same payload, the same findings");
    assert!(found.findings.len() <= MAX_FINDINGS && found.terms.len() <= MAX_TERMS);
    for finding in &found.findings {
        assert!(finding.pointer.len() <= MAX_POINTER_BYTES && finding.message.len() <= MAX_MESSAGE_BYTES);
        assert_eq!(finding.as_of, None, "nothing of the log is known here");
    }
    for term in &found.terms {
        assert!((1..=MAX_TERM_BYTES).contains(&term.value.len()) && !term.value.contains('\0'));
    }
    assert!(!found.refuses(Enforce::Report));
    let worst = found.findings.iter().map(|finding| finding.severity).max();
    assert_eq!(found.refuses(Enforce::Errors), worst == Some(Severity::Error));
    if let Some(subject) = &found.subject {
        assert_eq!(subject_of(kind, payload).as_ref(), Some(subject));
    }
    found
}
