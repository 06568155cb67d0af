//! A COSE receipt read for doubting (RFC 9942): its own reader, its own Sig_structure, the oracle's paths.

use ciborium::Value;
use proofs::{Algorithm, Hash, KeySet};

use crate::{
    cose::{self, Sign1},
    oracle,
};

/// The proof that a receipt carries, with the numbers nobody signed (RCPT-19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `[tree_size, leaf_index, path]`.
    Inclusion {
        /// Number of leaves of the tree.
        size: u64,
        /// Position of the entry.
        index: u64,
        /// Siblings, the lowest first.
        path: Vec<Hash>,
    },
    /// `[tree_size_1, tree_size_2, path]`.
    Consistency {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
        /// Nodes, the lowest first.
        path: Vec<Hash>,
    },
}

/// A receipt that has the shape RFC 9942 and RFC 9943 ask for; its signature is not verified yet.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The COSE object.
    pub message: Sign1,
    /// Label 1.
    pub algorithm: Algorithm,
    /// Label 4.
    pub kid: Vec<u8>,
    /// Claim 1.
    pub issuer: String,
    /// Claim 2.
    pub subject: String,
    /// Claim 6, in seconds of the Unix epoch.
    pub issued_at: Option<u64>,
    /// The one proof.
    pub proof: Proof,
}

const CONTENT_TYPE: i64 = 3;

impl Receipt {
    /// Reads a receipt; says which requirement it misses otherwise.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let message = Sign1::read(bytes).map_err(|why| format!("RCPT-01: {why}"))?;
        if message.payload.is_some() {
            return Err("RCPT-05: the payload is not detached".into());
        }
        let header = message.header()?;
        let number = |label| cose::get(&header, label).and_then(Value::as_integer).map(i128::from);
        let algorithm = number(1)
            .and_then(|value| i64::try_from(value).ok())
            .and_then(Algorithm::from_cose)
            .ok_or("RCPT-02: no known alg (1) in the protected header")?;
        if number(cose::VDS) != Some(1) {
            return Err("RCPT-06: vds (395) is not RFC9162_SHA256 (1) in the protected header".into());
        }
        if cose::get(&header, CONTENT_TYPE).is_some() {
            return Err("a receipt has no content type".into());
        }
        let kid = cose::get(&header, 4).and_then(Value::as_bytes).ok_or("no kid (4) that is bytes")?.clone();
        let claims = cose::get(&header, cose::CLAIMS)
            .and_then(Value::as_map)
            .ok_or("ARCH-02: no CWT claims (15) in the protected header")?;
        let text = |claim| cose::get(claims, claim).and_then(Value::as_text).map(str::to_owned);
        Ok(Self {
            algorithm,
            kid,
            issuer: text(1).ok_or("ARCH-02: no iss")?,
            subject: text(2).ok_or("ARCH-02: no sub")?,
            issued_at: match cose::get(claims, 6) {
                None => None,
                Some(value) => Some(unsigned(value).ok_or("RCPT-11: iat is no number of seconds")?),
            },
            proof: proof(&message.unprotected)?,
            message,
        })
    }

    /// Index and size of an inclusion receipt.
    pub fn inclusion(&self) -> Result<(u64, u64), String> {
        match &self.proof {
            Proof::Inclusion { size, index, .. } => Ok((*index, *size)),
            Proof::Consistency { .. } => Err("a consistency receipt where one for inclusion is due".into()),
        }
    }

    /// The root that this receipt signs, if the entry's path leads there and a key of the set signed it.
    pub fn verify_inclusion(&self, entry: &[u8], keys: &KeySet) -> Result<Hash, String> {
        let Proof::Inclusion { size, index, path } = &self.proof else {
            return Err("a consistency receipt where one for inclusion is due".into());
        };
        let root = oracle::root_of_inclusion(&oracle::leaf(entry), *index, *size, path)
            .ok_or_else(|| format!("RCPT-09: no path of {index} in {size} has {} elements", path.len()))?;
        self.verify_root(&root, keys)?;
        Ok(root)
    }

    /// The newer root that this receipt signs, if its path leads from the older one there.
    pub fn verify_consistency(&self, old_root: &Hash, keys: &KeySet) -> Result<Hash, String> {
        let Proof::Consistency { old, new, path } = &self.proof else {
            return Err("an inclusion receipt where one for consistency is due".into());
        };
        let (derived, root) = oracle::roots_of_consistency(*old, *new, path, old_root)
            .ok_or_else(|| format!("RCPT-10: no path from {old} to {new} has {} elements", path.len()))?;
        if derived != *old_root {
            return Err(format!("RCPT-10: the path from {old} starts at {derived}, not at {old_root}"));
        }
        self.verify_root(&root, keys)?;
        Ok(root)
    }

    fn verify_root(&self, root: &Hash, keys: &KeySet) -> Result<(), String> {
        let key = keys.get(&self.kid).ok_or("the key set has no key with the receipt's kid")?;
        key.verify(self.algorithm, &self.message.to_be_signed(root.as_bytes()), &self.message.signature)
            .map_err(|error| format!("RCPT-07: the signature over the root {root} does not verify: {error}"))
    }
}

fn proof(unprotected: &Value) -> Result<Proof, String> {
    let header = unprotected.as_map().ok_or("the unprotected header is no map")?;
    let vdp = cose::get(header, cose::VDP).and_then(Value::as_map).ok_or("RCPT-03: no vdp (396)")?;
    let [(kind, proofs)] = vdp.as_slice() else {
        return Err(format!("RCPT-18: vdp has {} kinds of proof instead of one", vdp.len()));
    };
    let [one] = proofs.as_array().ok_or("RCPT-03: the proofs are no array")?.as_slice() else {
        return Err("RCPT-18: there is not exactly one proof".into());
    };
    let bytes = one.as_bytes().ok_or("RCPT-03: the proof is not wrapped in a byte string")?;
    let inner = cose::decode(bytes)?;
    let [first, second, path] = inner.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err("RCPT-03: a proof has three parts".into());
    };
    let first = unsigned(first).ok_or("RCPT-03: a size is no unsigned integer")?;
    let second = unsigned(second).ok_or("RCPT-03: a size or index is no unsigned integer")?;
    let path = hashes(path)?;
    if path.is_empty() {
        return Err("RCPT-16: the path is empty".into());
    }
    match kind.as_integer().map(i128::from) {
        Some(-1) => Ok(Proof::Inclusion { size: first, index: second, path }),
        Some(-2) => Ok(Proof::Consistency { old: first, new: second, path }),
        _ => Err("RCPT-06: the kind of proof is neither inclusion nor consistency".into()),
    }
}

fn unsigned(value: &Value) -> Option<u64> {
    u64::try_from(i128::from(value.as_integer()?)).ok()
}

fn hashes(path: &Value) -> Result<Vec<Hash>, String> {
    path.as_array()
        .ok_or("RCPT-03: the path is no array")?
        .iter()
        .map(|element| element.as_bytes().and_then(|bytes| Hash::from_slice(bytes)))
        .collect::<Option<_>>()
        .ok_or_else(|| "RCPT-17: a path element has not 32 bytes".into())
}
