//! What a run needs to know of a service beforehand: statements that it will admit, and who it says it is.

use proofs::{Hash, sha256};

use crate::cose::Sign1;

/// What the bytes of a leaf are (RFC 9942 leaves it to the service).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafRule {
    /// The SHA-256 of the canonical statement.
    Digest,
    /// The canonical statement itself.
    Statement,
}

impl LeafRule {
    /// The entry of a statement, whose unprotected header is emptied first.
    pub fn entry(self, statement: &[u8]) -> Result<Vec<u8>, String> {
        let canonical = Sign1::read(statement)?.canonical();
        Ok(match self {
            Self::Digest => sha256(&canonical).as_bytes().to_vec(),
            Self::Statement => canonical,
        })
    }
}

/// A statement that the service has to refuse.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why, for the report.
    pub why: String,
    /// The statement.
    pub statement: Vec<u8>,
    /// The title expected in the problem details.
    pub title: String,
}

/// Everything a run starts from.
#[derive(Clone, Debug)]
pub struct Fixtures {
    /// Distinct statements with attached payloads that the service admits and has never seen; each is used
    /// once. Twenty are enough for every check.
    pub statements: Vec<Vec<u8>>,
    /// Statements that it refuses: by its policy, for a foreign signature, and so on.
    pub refused: Vec<Refused>,
    /// What a leaf is.
    pub leaf_rule: LeafRule,
    /// The `iss` of its receipts, if known.
    pub service: Option<String>,
    /// The verifier key of its checkpoints (C2SP vkey text), if known.
    pub checkpoint_key: Option<String>,
    /// All entries that the log holds before the run, in order; only for a service that nobody else is
    /// writing to, because the run then expects to know every entry and recomputes every root.
    pub entries: Option<Vec<Vec<u8>>>,
    /// The largest body that the service takes, if known.
    pub max_body_bytes: Option<usize>,
}

impl Fixtures {
    /// The digest that names a statement in a Location under Stele's rule for entry ids.
    pub fn id(statement: &[u8]) -> Result<Hash, String> {
        Ok(sha256(&Sign1::read(statement)?.canonical()))
    }
}
