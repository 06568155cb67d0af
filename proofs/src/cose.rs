//! COSE (RFC 9052, RFC 9053): labels, algorithms, keys and the Sign1 message.
//!
//! All of it is our own code, because a typed parser that refuses a value it does not know, or encodes again what it
//! read, cannot say which registered bytes were signed. `coset` is the oracle of the tests.

pub mod algorithm;
pub mod digest;
pub mod key;
pub mod key_set;
pub mod label;
pub mod sign1;
pub mod signer;

pub use algorithm::Algorithm;
pub use digest::DigestAlgorithm;
pub use key::{Curve, KeyError, KeyId, PublicKey, SignatureError};
pub use key_set::{KeySet, KeySetError};
pub use label::Label;
pub use sign1::{Sign1, Sign1Error};
pub use signer::{SignFailed, Signer};
