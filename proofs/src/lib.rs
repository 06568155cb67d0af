//! Bytes and mathematics: whatever an offline verifier needs, and nothing else.
//!
//! This crate performs no I/O, reads no clock, draws no randomness and spawns nothing. It takes bytes and
//! gives back values or errors; the same input always gives the same output.
//!
//! | room | what is in it | from |
//! |---|---|---|
//! | [`hash`], [`position`], [`time`] | digests, indices and sizes, points in time | RFC 9162 §2.1 |
//! | [`tree`] | appending to a Merkle tree, inclusion and consistency proofs | RFC 9162 §2.1 |
//! | [`tile`] | how the tree is stored and served | C2SP tlog-tiles |
//! | [`note`], [`checkpoint`] | signed text, signed tree heads as text | C2SP signed-note, tlog-checkpoint |
//! | [`cosignature`], [`tlog_policy`], [`witness`] | who saw a log grow, who has to have seen it, and how they are asked | C2SP tlog-cosignature, tlog-policy, tlog-witness |
//! | [`tlog_proof`] | inclusion together with a checkpoint | C2SP tlog-proof |
//! | [`cbor`] | strict reading, deterministic writing | RFC 8949 |
//! | [`cose`] | labels, algorithms, keys, COSE_Sign1 | RFC 9052, RFC 9053, RFC 9679 |
//! | [`statement`], [`transparent`] | signed statements, and with receipts | RFC 9943, RFC 9995 |
//! | [`page`] | entries with statements and collateral in bulk | ours |
//! | [`receipt`], [`verify`] | proofs under a signature; the whole verification | RFC 9942 |

pub mod cbor;
pub mod checkpoint;
pub mod cose;
pub mod cosignature;
pub mod hash;
pub mod manifest;
pub mod note;
pub mod page;
pub mod position;
pub mod receipt;
pub mod statement;
pub mod tile;
pub mod time;
pub mod tlog_policy;
pub mod tlog_proof;
pub mod transparent;
pub mod tree;
pub mod verify;
pub mod witness;

pub use checkpoint::{Checkpoint, Origin};
pub use cose::{
    Algorithm, Curve, KeyError, KeyId, KeySet, KeySetError, Label, PublicKey, SignFailed, SignatureError,
    Signer,
};
pub use cosignature::{CosignatureKind, Cosigner, CosignerKey};
pub use hash::{Hash, empty_root, leaf_hash, node_hash, sha256};
pub use note::{NoteVerifierKey, SignedNote};
pub use page::{Page, PageCollateral, PageError, PageItem, PageRow};
pub use position::{LeafIndex, NodeId, TreeHead, TreeSize};
pub use receipt::{
    IssueError, Proof, Receipt, ReceiptClaims, ReceiptError, issue_consistency, issue_inclusion,
};
pub use statement::{
    CertificateHash, ContentType, EntryId, HashEnvelope, LOG_SUBJECT_PREFIX, MalformedStatement,
    MissingClaim, SignedStatement, StatementBuilder, StatementError, StatementHeader, VerifiedStatement,
    log_subject,
};
pub use tile::{TileId, TiledNodes};
pub use time::UnixTime;
pub use tlog_policy::{LogKey, TlogPolicy};
pub use tlog_proof::TlogProof;
pub use transparent::{TransparentError, TransparentStatement, attach};
pub use tree::{CompactRange, ConsistencyProof, InclusionProof, NodeReader};
pub use verify::{Check, Outcome, Report, verify_transparent};
