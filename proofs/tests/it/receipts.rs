//! Receipts and transparent statements: form, proof, signature, and the whole verification.

mod form;
mod issue;
mod report;
mod transparent;

use ciborium::Value;
use proofs::cose::sign1::{self, sig_structure};
use proofs::{
    Algorithm, ConsistencyProof, EntryId, Hash, InclusionProof, ReceiptClaims, SignedStatement, Signer,
    StatementBuilder, UnixTime, cbor, leaf_hash,
};

use super::support::{MAX, TestSigner};
use super::trees::{Nodes, index, size};

/// A small log: statements, their ids as entries (D1), and a service key.
struct Log {
    statements: Vec<SignedStatement>,
    leaves: Vec<Hash>,
    service: TestSigner,
    issuer: TestSigner,
}

impl Log {
    fn new(entries: usize) -> Self {
        Self::under(entries, Algorithm::EdDsa)
    }

    fn under(entries: usize, algorithm: Algorithm) -> Self {
        let issuer = TestSigner::new(Algorithm::EdDsa, [1; 32]);
        let statement = |number: usize| {
            let built = StatementBuilder::new("https://issuer.example", format!("subject {number}"))
                .sign(b"payload", &issuer)
                .unwrap();
            SignedStatement::parse(&built, MAX).unwrap()
        };
        let statements: Vec<_> = (0..entries).map(statement).collect();
        let leaves = statements.iter().map(|statement| leaf_hash(statement.entry_id().as_bytes())).collect();
        Self { statements, leaves, service: TestSigner::new(algorithm, [2; 32]), issuer }
    }

    fn id(&self, leaf: usize) -> EntryId {
        self.statements[leaf].entry_id()
    }

    fn root(&self, of: usize) -> Hash {
        Nodes::over(&self.leaves[..of]).range.root()
    }

    fn inclusion(&self, leaf: usize, of: usize) -> InclusionProof {
        InclusionProof::prove(index(leaf), size(of), &Nodes::over(&self.leaves[..of])).unwrap()
    }

    fn consistency(&self, old: usize, new: usize) -> ConsistencyProof {
        ConsistencyProof::prove(size(old), size(new), &Nodes::over(&self.leaves[..new])).unwrap()
    }

    fn claims(&self, leaf: usize) -> ReceiptClaims {
        ReceiptClaims {
            issuer: "https://ts.example".to_owned(),
            subject: self.statements[leaf].header().subject.clone(),
            issued_at: Some(UnixTime::from_secs(1_790_000_000)),
        }
    }

    fn receipt(&self, leaf: usize, of: usize) -> Vec<u8> {
        let proof = self.inclusion(leaf, of);
        let root = self.root(of);
        proofs::issue_inclusion(&self.claims(leaf), &proof, &self.leaves[leaf], &root, &self.service).unwrap()
    }
}

/// A receipt put together by hand and signed over a given root.
#[derive(Clone)]
struct Draft {
    protected: Vec<(Value, Value)>,
    unprotected: Vec<(Value, Value)>,
    payload: Option<Vec<u8>>,
}

impl Draft {
    /// The receipt that [`Log::receipt`] makes.
    fn of(log: &Log, leaf: usize, of: usize) -> Self {
        let claims = log.claims(leaf);
        let cwt = Value::Map(vec![
            (Value::from(1), Value::from(claims.issuer.as_str())),
            (Value::from(2), Value::from(claims.subject.as_str())),
            (Value::from(6), Value::from(claims.issued_at.unwrap().secs())),
        ]);
        let kid = log.service.public_key().thumbprint().as_bytes().to_vec();
        let protected = vec![
            (Value::from(1), Value::from(log.service.algorithm().cose())),
            (Value::from(4), Value::Bytes(kid)),
            (Value::from(15), cwt),
            (Value::from(395), Value::from(1)),
        ];
        let draft = Self { protected, unprotected: Vec::new(), payload: None };
        draft.proofs(-1, vec![inclusion_value(&log.inclusion(leaf, of))])
    }

    fn with(mut self, label: impl Into<Value>, value: impl Into<Value>) -> Self {
        let label = label.into();
        self.protected.retain(|(other, _)| *other != label);
        self.protected.push((label, value.into()));
        self
    }

    fn without(mut self, label: i64) -> Self {
        self.protected.retain(|(other, _)| *other != Value::from(label));
        self
    }

    /// With one more CWT claim.
    fn claim(mut self, number: i64, value: impl Into<Value>) -> Self {
        for (label, claims) in &mut self.protected {
            if let (true, Value::Map(entries)) = (*label == Value::from(15), claims) {
                entries.retain(|(key, _)| *key != Value::from(number));
                entries.push((Value::from(number), value.into()));
                break;
            }
        }
        self
    }

    fn unprotected(mut self, label: i64, value: impl Into<Value>) -> Self {
        self.unprotected.retain(|(other, _)| *other != Value::from(label));
        self.unprotected.push((Value::from(label), value.into()));
        self
    }

    fn vdp(self, value: Value) -> Self {
        self.unprotected(396, value)
    }

    fn proofs(self, kind: i64, proofs: Vec<Value>) -> Self {
        let wrapped = proofs.iter().map(|proof| Value::Bytes(cbor::encode(proof))).collect();
        self.vdp(Value::Map(vec![(Value::from(kind), Value::Array(wrapped))]))
    }

    fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = Some(payload.to_vec());
        self
    }

    fn sign(&self, log: &Log, root: &Hash) -> Vec<u8> {
        let protected = cbor::encode(&Value::Map(self.protected.clone()));
        let signature = log.service.sign(&sig_structure(&protected, root.as_bytes())).unwrap();
        sign1::write(&protected, &Value::Map(self.unprotected.clone()), self.payload.as_deref(), &signature)
    }
}

fn proof_value(first: u64, second: u64, path: &[Hash]) -> Value {
    let path = path.iter().map(|hash| Value::Bytes(hash.as_bytes().to_vec())).collect();
    Value::Array(vec![Value::from(first), Value::from(second), Value::Array(path)])
}

fn inclusion_value(proof: &InclusionProof) -> Value {
    proof_value(proof.size.get(), proof.index.get(), &proof.path)
}

fn consistency_value(proof: &ConsistencyProof) -> Value {
    proof_value(proof.old.get(), proof.new.get(), &proof.path)
}
