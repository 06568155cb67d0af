//! Proof first, then the signature over the root it leads to (RCPT-08, RCPT-10): one answer for both.

use super::{Proof, Receipt, ReceiptError};
use crate::cose::PublicKey;
use crate::cose::sign1::sig_structure;
use crate::hash::{Hash, leaf_hash};
use crate::tree::ConsistencyError;

impl Receipt {
    /// Verifies that the holder of `key` signed a tree that contains `entry`, the bytes the log hashes (for Stele the 32
    /// bytes of the entry id, D1). Gives the root. Whose key it is, and whether the claims name this statement, is for
    /// the caller to compare (ARCH-43).
    ///
    /// # Errors
    /// [`ReceiptError`]
    pub fn verify_inclusion(&self, entry: &[u8], key: &PublicKey) -> Result<Hash, ReceiptError> {
        let root = self.inclusion_root(entry)?;
        self.verify_signature(&root, key)?;
        Ok(root)
    }

    /// Verifies that the holder of `key` signed a tree that continues the one with `old_root`, a root the caller trusts
    /// already. Gives the newer root.
    ///
    /// # Errors
    /// [`ReceiptError`]
    pub fn verify_consistency(&self, old_root: &Hash, key: &PublicKey) -> Result<Hash, ReceiptError> {
        let root = self.one_root(|proof| match proof {
            Proof::Consistency(proof) => {
                let (old, new) = proof.roots(old_root)?;
                if old == *old_root { Ok(new) } else { Err(ConsistencyError::OldRootMismatch.into()) }
            }
            Proof::Inclusion(_) => Err(other("consistency", proof)),
        })?;
        self.verify_signature(&root, key)?;
        Ok(root)
    }

    /// The root every inclusion proof leads to from this entry; nobody's signature is checked.
    pub(crate) fn inclusion_root(&self, entry: &[u8]) -> Result<Hash, ReceiptError> {
        let leaf = leaf_hash(entry);
        self.one_root(|proof| match proof {
            Proof::Inclusion(proof) => Ok(proof.root(&leaf)?),
            Proof::Consistency(_) => Err(other("inclusion", proof)),
        })
    }

    /// Checks the signature over `root`, and an attached payload against it (RCPT-05).
    pub(crate) fn verify_signature(&self, root: &Hash, key: &PublicKey) -> Result<(), ReceiptError> {
        if self.payload.as_deref().is_some_and(|payload| payload != root.as_bytes()) {
            return Err(ReceiptError::PayloadMismatch);
        }
        let signed = sig_structure(&self.protected, root.as_bytes());
        Ok(key.verify(self.algorithm, &signed, &self.signature)?)
    }

    fn one_root(&self, root_of: impl Fn(&Proof) -> Result<Hash, ReceiptError>) -> Result<Hash, ReceiptError> {
        let root = root_of(&self.first)?;
        for proof in &self.further {
            if root_of(proof)? != root {
                return Err(ReceiptError::DifferentRoots);
            }
        }
        Ok(root)
    }
}

fn other(wanted: &'static str, found: &Proof) -> ReceiptError {
    ReceiptError::OtherProof { wanted, found: found.name() }
}
