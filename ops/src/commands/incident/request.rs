//! What the operator signs: which log, and the head from which it goes on.

use crate::failure::Failure;
use ledger::control::{Incident, LogRef, incident_statement};
use ledger::{Inspected, PrivateKey};
use proofs::{EntryId, Hash, Signer, TreeHead, TreeSize};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// Everything but the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    incident_request: u32,
    log_id: String,
    iss: String,
    /// The thumbprint of the operator's key.
    operator: String,
    tree_size: u64,
    root: String,
    last_entry: String,
}

impl Request {
    pub(super) fn of(found: &Inspected) -> Self {
        Self {
            incident_request: VERSION,
            log_id: found.identity.log_id.to_string(),
            iss: found.identity.genesis.issuer.clone(),
            operator: found.operator.thumbprint().to_string(),
            tree_size: found.head.tree.size.get(),
            root: found.head.tree.root.to_string(),
            last_entry: found.last.to_string(),
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, Failure> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::local(format_args!("the request cannot be written: {error}")))?;
        Ok(format!("{text}\n").into_bytes())
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let request: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("this was not prepared by stele incident: {error}"))?;
        match request.incident_request {
            VERSION => Ok(request),
            other => Err(format!("the request has version {other}, this program reads {VERSION}")),
        }
    }

    /// The signed statement.
    pub(super) fn sign(&self, key: &PrivateKey, reason: &str) -> Result<Vec<u8>, Failure> {
        if key.public_key().thumbprint().to_string() != self.operator {
            return Err(Failure::local(format_args!(
                "the key given is not the operator's: the policy in force names {}",
                self.operator
            ))
            .hint("the operator key of a new log is keys/operator.pem in its folder"));
        }
        let unread = |member: &str| Failure::local(format_args!("the request has no readable {member}"));
        let log_id: EntryId = self.log_id.parse().map_err(|_| unread("log_id"))?;
        let last: EntryId = self.last_entry.parse().map_err(|_| unread("last_entry"))?;
        let root: Hash = self.root.parse().map_err(|_| unread("root"))?;
        let head = TreeHead { size: TreeSize::new(self.tree_size), root };
        let incident = Incident { head, reason: reason.to_owned() };
        incident_statement(LogRef { log_id, issuer: &self.iss }, last, &incident, key)
            .map_err(|error| Failure::local(format_args!("the statement cannot be made: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;
    use ledger::signer::KeyAlgorithm;
    use proofs::SignedStatement;

    fn request(key: &PrivateKey) -> Request {
        Request {
            incident_request: VERSION,
            log_id: "ab".repeat(32),
            iss: "https://ts.example".to_owned(),
            operator: key.public_key().thumbprint().to_string(),
            tree_size: 7,
            root: "cd".repeat(32),
            last_entry: "ef".repeat(32),
        }
    }

    #[test]
    fn what_was_prepared_is_what_is_signed() {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let request = request(&key);
        assert_eq!(Request::from_json(&request.to_json().unwrap()), Ok(request.clone()));
        let statement = request.sign(&key, "the disk burned").unwrap();
        let statement = SignedStatement::parse(&statement, statement.len()).unwrap();
        let incident = Incident::from_json(statement.payload()).unwrap();
        assert_eq!((incident.head.size.get(), incident.reason.as_str()), (7, "the disk burned"));
        assert_eq!(incident.head.root.to_string(), "cd".repeat(32));
    }

    #[test]
    fn a_request_or_key_that_does_not_fit_is_refused_in_a_line() {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let other = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let failure = request(&key).sign(&other, "r").unwrap_err();
        assert_eq!(failure.exit, Exit::Local);
        assert!(failure.message.contains("is not the operator's") && failure.hint.is_some());
        assert!(request(&key).sign(&key, "").is_err());
        for broken in [
            Request { root: "x".to_owned(), ..request(&key) },
            Request { log_id: "x".to_owned(), ..request(&key) },
            Request { last_entry: "x".to_owned(), ..request(&key) },
        ] {
            assert!(broken.sign(&key, "r").unwrap_err().message.contains("no readable"));
        }
        let later = Request { incident_request: 2, ..request(&key) };
        assert!(Request::from_json(&later.to_json().unwrap()).unwrap_err().contains("version 2"));
        assert!(Request::from_json(b"{}").is_err());
    }
}
