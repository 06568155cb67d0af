//! Proofs in the unprotected header of a receipt (RFC 9942 §5.2, §5.3).

use ciborium::Value;
use ciborium_ll::Header;

use super::ReceiptError;
use crate::cbor::{self, Cursor};
use crate::cose::label::{self, Label};
use crate::cose::sign1::Field;
use crate::hash::Hash;
use crate::position::{LeafIndex, TreeSize};
use crate::tree::{ConsistencyProof, InclusionProof};

/// The longest inclusion path with 64-bit sizes (RCPT-17).
pub const MAX_INCLUSION_PATH: usize = 64;
/// The longest consistency path with 64-bit sizes (RCPT-17).
pub const MAX_CONSISTENCY_PATH: usize = 65;
/// How many proofs one receipt may hold.
pub const MAX_PROOFS: usize = 16;

/// Proof type -1 of label 396 under vds 1.
const INCLUSION: i64 = -1;
/// Proof type -2 of label 396 under vds 1.
const CONSISTENCY: i64 = -2;

/// What a receipt claims to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// An entry is in a tree.
    Inclusion(InclusionProof),
    /// A tree continues an older one.
    Consistency(ConsistencyProof),
}

impl Proof {
    /// `inclusion` or `consistency`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Inclusion(_) => "inclusion",
            Self::Consistency(_) => "consistency",
        }
    }

    /// The value of label 396 that holds this proof alone.
    pub(super) fn to_vdp(&self) -> Value {
        let (kind, first, second, path) = match self {
            Self::Inclusion(proof) => (INCLUSION, proof.size.get(), proof.index.get(), &proof.path),
            Self::Consistency(proof) => (CONSISTENCY, proof.old.get(), proof.new.get(), &proof.path),
        };
        let path = path.iter().map(|hash| Value::Bytes(hash.as_bytes().to_vec())).collect();
        let proof = Value::Array(vec![Value::from(first), Value::from(second), Value::Array(path)]);
        let wrapped = Value::Bytes(cbor::encode(&proof));
        let proofs = Value::Map(vec![(Value::from(kind), Value::Array(vec![wrapped]))]);
        Value::Map(vec![(Value::from(label::VDP), proofs)])
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inclusion,
    Consistency,
}

fn shape(what: &'static str, expected: &'static str, offset: usize) -> ReceiptError {
    ReceiptError::ProofShape { what, expected, offset }
}

/// Reads label 396: one proof type, one or more proofs.
pub(super) fn read_vdp(field: &Field<'_>) -> Result<(Proof, Vec<Proof>), ReceiptError> {
    let mut cursor = Cursor::at(field.bytes, field.offset);
    let types = match cursor.head().map_err(ReceiptError::ProofCbor)? {
        Header::Map(Some(length)) => length,
        _ => return Err(shape("the value", "a map", field.offset)),
    };
    if types == 0 {
        return Err(ReceiptError::NoProofs);
    }
    let offset = cursor.offset();
    let key = Field { bytes: cursor.skip_item().map_err(ReceiptError::ProofCbor)?, offset }.value();
    let kind = match Label::from_value(&key).ok_or(shape("a proof type", "an integer or text", offset))? {
        Label::Int(INCLUSION) => Kind::Inclusion,
        Label::Int(CONSISTENCY) => Kind::Consistency,
        other => return Err(ReceiptError::UnknownProofType(other)),
    };
    if types > 1 {
        return Err(ReceiptError::MixedProofs);
    }
    let offset = cursor.offset();
    let length = match cursor.head().map_err(ReceiptError::ProofCbor)? {
        Header::Array(Some(length)) => length,
        _ => return Err(shape("the list of proofs", "an array", offset)),
    };
    if length == 0 {
        return Err(ReceiptError::NoProofs);
    }
    if length > MAX_PROOFS {
        return Err(ReceiptError::TooManyProofs);
    }
    let first = read_proof(&mut cursor, kind)?;
    let further = (1..length).map(|_| read_proof(&mut cursor, kind)).collect::<Result<_, _>>()?;
    Ok((first, further))
}

/// Reads one byte string around `[uint, uint, [+ bstr]]`.
fn read_proof(outer: &mut Cursor<'_>, kind: Kind) -> Result<Proof, ReceiptError> {
    let offset = outer.offset();
    let Header::Bytes(Some(length)) = outer.head().map_err(ReceiptError::ProofCbor)? else {
        return Err(shape("a proof", "a byte string", offset));
    };
    let offset = outer.offset();
    let bytes = outer.take(length).map_err(ReceiptError::ProofCbor)?;
    let mut whole = Cursor::at(bytes, offset);
    whole.skip_item().map_err(ReceiptError::ProofCbor)?;
    whole.finish().map_err(ReceiptError::ProofCbor)?;

    let mut cursor = Cursor::at(bytes, offset);
    if cursor.head().map_err(ReceiptError::ProofCbor)? != Header::Array(Some(3)) {
        return Err(shape("a proof", "an array of three", offset));
    }
    let (first, second) = (number(&mut cursor)?, number(&mut cursor)?);
    let longest = match kind {
        Kind::Inclusion => MAX_INCLUSION_PATH,
        Kind::Consistency => MAX_CONSISTENCY_PATH,
    };
    let path = path(&mut cursor, longest)?;
    Ok(match kind {
        Kind::Inclusion => Proof::Inclusion(InclusionProof {
            size: TreeSize::new(first),
            index: LeafIndex::new(second),
            path,
        }),
        Kind::Consistency => Proof::Consistency(ConsistencyProof {
            old: TreeSize::new(first),
            new: TreeSize::new(second),
            path,
        }),
    })
}

fn number(cursor: &mut Cursor<'_>) -> Result<u64, ReceiptError> {
    let offset = cursor.offset();
    match cursor.head().map_err(ReceiptError::ProofCbor)? {
        Header::Positive(number) => Ok(number),
        _ => Err(shape("a size or index", "an unsigned integer", offset)),
    }
}

fn path(cursor: &mut Cursor<'_>, longest: usize) -> Result<Vec<Hash>, ReceiptError> {
    let offset = cursor.offset();
    let Header::Array(Some(length)) = cursor.head().map_err(ReceiptError::ProofCbor)? else {
        return Err(shape("a path", "an array", offset));
    };
    if length == 0 {
        return Err(ReceiptError::EmptyPath);
    }
    if length > longest {
        return Err(ReceiptError::PathTooLong { length });
    }
    let element = |cursor: &mut Cursor<'_>| {
        let offset = cursor.offset();
        let wrong = ReceiptError::PathElement { offset };
        let Header::Bytes(Some(Hash::LEN)) = cursor.head().map_err(ReceiptError::ProofCbor)? else {
            return Err(wrong);
        };
        Hash::from_slice(cursor.take(Hash::LEN).map_err(ReceiptError::ProofCbor)?).ok_or(wrong)
    };
    (0..length).map(|_| element(cursor)).collect()
}
