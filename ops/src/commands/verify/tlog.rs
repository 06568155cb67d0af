//! Checking a statement with a C2SP tlog-proof and, if there is a policy, the witnesses it asks for.

use crate::watch::Trust;
use proofs::tlog_policy::LogKey;
use proofs::tlog_proof::TlogProof;
use proofs::{Check, Outcome, PublicKey, Report, SignedStatement};

/// Every check in its order (PROOF-02); one that failed makes those that depend on it meaningless, which says so.
pub(super) fn checks(
    statement: &SignedStatement,
    proof: &[u8],
    trust: &Trust,
    issuer_key: Option<&PublicKey>,
) -> Report {
    let mut checks = Vec::new();
    let mut note = |name, outcome| checks.push(Check { name, outcome });
    let id = statement.entry_id();
    note("entry", Outcome::Passed(format!("entry id {id}")));
    match TlogProof::parse(proof) {
        Err(error) => note("proof form", Outcome::Failed(error.to_string())),
        Ok(proof) => {
            note("proof form", Outcome::Passed("C2SP tlog-proof, version 1".to_owned()));
            let text = proof.checkpoint().to_string();
            match trust.open(text.as_bytes()) {
                Err(error) => note("checkpoint", Outcome::Failed(error.to_string())),
                Ok(head) => {
                    let size = head.head.size;
                    note("checkpoint", Outcome::Passed(format!("{} signed size {size}", trust.origin())));
                    note("inclusion", inclusion(&proof, id.as_bytes(), trust));
                    note("witnesses", witnesses(trust, &head));
                }
            }
        }
    }
    let signature = match issuer_key.map(|key| statement.check_signature(key)) {
        None => Outcome::NotChecked("no issuer key was given".to_owned()),
        Some(Ok(_)) => Outcome::Passed(format!("{:?} signed it", statement.header().issuer)),
        Some(Err(error)) => Outcome::Failed(error.to_string()),
    };
    note("statement signature", signature);
    Report { checks }
}

/// Whether nothing failed, and everything that a proof consists of was seen.
pub(super) fn is_valid(report: &Report) -> bool {
    let passed = |name: &str| {
        report.checks.iter().any(|check| check.name == name && matches!(check.outcome, Outcome::Passed(_)))
    };
    report.first_failure().is_none() && ["checkpoint", "inclusion"].into_iter().all(passed)
}

fn inclusion(proof: &TlogProof, entry: &[u8], trust: &Trust) -> Outcome {
    let ed25519 = trust.keys().iter().find_map(|key| match key {
        LogKey::Ed25519(key) => Some(key),
        LogKey::MlDsa44(_) => None,
    });
    let Some(key) = ed25519 else {
        return Outcome::NotChecked("no Ed25519 key of the log is pinned".to_owned());
    };
    match proof.verify(entry, key) {
        Ok(checkpoint) => {
            Outcome::Passed(format!("it is leaf {} of {}", proof.index(), checkpoint.head.size))
        }
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

fn witnesses(trust: &Trust, head: &crate::watch::SignedHead) -> Outcome {
    if !trust.asks_witnesses() {
        return Outcome::NotChecked("no policy asks for witnesses".to_owned());
    }
    match trust.check_quorum(head) {
        Ok(()) => Outcome::Passed(format!("cosigned by {}", trust.cosigners(head).join(", "))),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
