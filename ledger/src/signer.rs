//! Private keys: made, read from PKCS#8 PEM, and used to sign.
//!
//! One key serves one role (D19). The bytes of a signature are what COSE writes (RFC 9053 §2): 64 bytes for
//! Ed25519, `r || s` of fixed width for ECDSA. Nothing here prints a secret.

mod cosigning;

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use proofs::{Algorithm, Curve, PublicKey, SignFailed, Signer};
use zeroize::Zeroizing;

pub use cosigning::{CosigningKey, CosigningKeyError};

pub(crate) const PKCS8_TAG: &str = "PRIVATE KEY";

/// The kinds of private key that this crate makes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519, RFC 8032.
    Ed25519,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
}

/// Why a private key could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text holds no PEM block.
    #[error("not a PEM file: expected a block `-----BEGIN PRIVATE KEY-----` (PKCS#8)")]
    NotPem,
    /// The key is in the older SEC 1 form.
    #[error("the key is in SEC 1 form; convert it with `openssl pkcs8 -topk8 -nocrypt -in KEY -out NEWKEY`")]
    Sec1,
    /// The key is encrypted with a passphrase.
    #[error(
        "the key is encrypted; decrypt it with `openssl pkcs8 -in KEY -out NEWKEY` and keep it mode 0600"
    )]
    Encrypted,
    /// The file holds something else, for example a public key or a certificate.
    #[error("the PEM block is `{tag}`, not `PRIVATE KEY` (PKCS#8)")]
    NotPrivate {
        /// The label of the block that was found.
        tag: String,
    },
    /// The key is not one of [`KeyAlgorithm`].
    #[error("the private key is none of Ed25519, P-256 and P-384, or it is damaged")]
    Unsupported,
    /// The library refused to make a key.
    #[error("no key could be generated")]
    NotGenerated,
    /// The algorithm does not belong to this kind of key (ALG-03).
    #[error("a key of this kind cannot sign with {}", .algorithm.name())]
    AlgorithmMismatch {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
    },
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
}

/// A private key and the COSE algorithm that it signs with.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
    algorithm: Algorithm,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm.name())
            .field("kid", &self.public.thumbprint().to_string())
            .finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NotGenerated`]
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let pair = match algorithm {
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
            KeyAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::Ecdsa),
            KeyAlgorithm::Es384 => EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Pair::Ecdsa),
        };
        Self::from_pair(pair.map_err(|_| KeyError::NotGenerated)?)
    }

    /// Reads a key from one PKCS#8 PEM block (RFC 5958, RFC 7468), unencrypted.
    ///
    /// The algorithm is the widely understood one of the key: EdDSA (-8), ES256 (-7) or ES384 (-35).
    ///
    /// # Errors
    /// [`KeyError`], which says what to convert.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_pkcs8(&private_der(text)?)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let ecdsa = |alg: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(alg, der).map(Pair::Ecdsa);
        let pair = Ed25519KeyPair::from_pkcs8(der)
            .map(Pair::Ed25519)
            .or_else(|_| ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING))
            .or_else(|_| ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING))
            .map_err(|_| KeyError::Unsupported)?;
        Self::from_pair(pair)
    }

    /// The key as one PKCS#8 PEM block; the text is wiped when it is dropped.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if the library does not write the key.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let document = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
            Pair::Ecdsa(pair) => pair.to_pkcs8v1(),
        }
        .map_err(|_| KeyError::Unsupported)?;
        let block = pem::Pem::new(PKCS8_TAG, document.as_ref());
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let text = Zeroizing::new(pem::encode_config(&block, config));
        drop(Zeroizing::new(block.into_contents()));
        Ok(text)
    }

    /// The same key signing under another identifier, for example Ed25519 (-19) instead of EdDSA (-8).
    ///
    /// The public key then carries this algorithm too.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`]
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if !self.public.allows(algorithm) {
            return Err(KeyError::AlgorithmMismatch { algorithm });
        }
        let public = self.public.with_algorithm(algorithm);
        self.public = public.map_err(|_| KeyError::AlgorithmMismatch { algorithm })?;
        self.algorithm = algorithm;
        Ok(self)
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let (public, algorithm) = match &pair {
            Pair::Ed25519(pair) => {
                let bytes = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Unsupported)?;
                (PublicKey::ed25519(bytes), Algorithm::EdDsa)
            }
            Pair::Ecdsa(pair) => {
                // The uncompressed point of SEC 1 §2.3.3: 04 || x || y.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                if pair.algorithm() == &ECDSA_P256_SHA256_FIXED_SIGNING {
                    (PublicKey::ec2(Curve::P256, x, y), Algorithm::Es256)
                } else {
                    (PublicKey::ec2(Curve::P384, x, y), Algorithm::Es384)
                }
            }
        };
        let public = public.map_err(|_| KeyError::Unsupported)?;
        Ok(Self { pair, public, algorithm })
    }
}

impl Signer for PrivateKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message),
            Pair::Ecdsa(pair) => pair.sign(&SystemRandom::new(), message),
        };
        Ok(signature.map_err(|_| SignFailed)?.as_ref().to_vec())
    }
}

/// What one PKCS#8 PEM block holds, wiped when it is dropped; the errors say what else was found.
fn private_der(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let block = pem::parse(text).map_err(|_| KeyError::NotPem)?;
    let tag = block.tag().to_owned();
    let der = Zeroizing::new(block.into_contents());
    match tag.as_str() {
        PKCS8_TAG => Ok(der),
        "EC PRIVATE KEY" => Err(KeyError::Sec1),
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
        _ => Err(KeyError::NotPrivate { tag }),
    }
}

#[cfg(test)]
mod tests;
