//! The crate as its users see it.

#[cfg(test)]
mod it {
    mod cbor;
    mod ed25519;
    mod golden;
    mod keys;
    mod receipts;
    mod statements;
    mod stele_vectors;
    mod support;
    mod third_party;
    mod trees;
}
