//! Issuers taken in by the handful: what `stele policy trust` does for one, in two statements for all.

use super::Operator;
use super::change::Session;
use crate::console::Console;
use crate::failure::Failure;
use crate::http::Service;
use crate::submit::PatienceArgs;
use data_encoding::HEXLOWER;
use ledger::policy::{IssuerMatch, Policy, Rule};
use ledger::trust::{Anchor, AnchorId, AnchorIncrement};
use proofs::PublicKey;
use std::path::Path;

/// Somebody who may register from now on, by exactly one key.
pub(crate) struct NewIssuer {
    /// The name of the rule, replaced if there is one.
    pub(crate) rule: String,
    /// The `iss` of the statements.
    pub(crate) name: String,
    /// The key.
    pub(crate) key: PublicKey,
}

/// Gives every issuer a rule of its own with one anchor. Rules of the same names are replaced and their anchors
/// retired, so that what is in force stays as large as it was however often this is done.
pub(crate) fn admit(
    service: &Service,
    operator_key: &Path,
    issuers: &[NewIssuer],
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let operator = Operator {
        service: service.clone(),
        operator_key: operator_key.to_owned(),
        log_id: None,
        patience: PatienceArgs { total: 60, tries: 30 },
        json: false,
    };
    let session = Session::open(&operator, console)?;
    let known = &session.in_force.anchors;
    let (policy, anchors, replaced) = with_issuers(&session.in_force.policy.document, issuers)?;
    let in_force = |id: &AnchorId| known.in_force.iter().any(|entry| entry.anchor.id() == id);
    let retire: Vec<AnchorId> = replaced.into_iter().filter(in_force).collect();
    session.change_anchors(&AnchorIncrement::new(anchors, retire), console)?;
    session.set_policy(&policy, None, console)?;
    Ok(())
}

/// The policy with these issuers, their anchors, and the anchors of the rules they replace.
pub(crate) fn with_issuers(
    policy: &Policy,
    issuers: &[NewIssuer],
) -> Result<(Policy, Vec<Anchor>, Vec<AnchorId>), Failure> {
    let mut policy = policy.clone();
    let (mut anchors, mut replaced) = (Vec::new(), Vec::new());
    for NewIssuer { rule, name, key } in issuers {
        let digest = HEXLOWER.encode(key.thumbprint().as_bytes());
        let id = AnchorId::new(format!("key-{}", digest.get(..32).unwrap_or(&digest)))
            .map_err(|error| Failure::local(format_args!("no trust anchor can be made: {error}")))?;
        let issuer = IssuerMatch::exact(name.as_str())
            .map_err(|error| Failure::local(format_args!("{name}: {error}")))?;
        anchors.push(Anchor::key(id.clone(), key.clone(), None).map_err(Failure::local)?);
        let new = Rule::new(rule, vec![issuer], vec![id]);
        match policy.rules.iter_mut().find(|old| old.name == *rule) {
            Some(old) => replaced.extend(std::mem::replace(old, new).anchors),
            None => policy.rules.push(new),
        }
    }
    Ok((policy, anchors, replaced))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::PrivateKey;
    use ledger::signer::KeyAlgorithm;
    use proofs::Signer;

    fn new(number: usize) -> NewIssuer {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        NewIssuer {
            rule: format!("crowd {number}"),
            name: format!("https://crowd-{number}.example"),
            key: key.public_key().clone(),
        }
    }

    #[test]
    fn doing_it_again_replaces_the_rules_and_gives_back_their_anchors() {
        let operator = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let closed = Policy::closed(operator.public_key().clone());
        let (first, anchors, replaced) = with_issuers(&closed, &[new(0), new(1)]).unwrap();
        assert_eq!((first.rules.len(), anchors.len(), replaced.len()), (2, 2, 0));

        let (second, others, replaced) = with_issuers(&first, &[new(1), new(2)]).unwrap();
        assert_eq!(second.rules.len(), 3);
        assert_eq!(replaced, [anchors[1].id().clone()]);
        let rule = second.rules.iter().find(|rule| rule.name == "crowd 1").unwrap();
        assert_eq!(rule.anchors, [others[0].id().clone()]);
        assert_eq!(second.rules[0], first.rules[0], "a rule of another name stays as it was");
    }
}
