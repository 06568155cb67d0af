//! Private keys that cosign: a witness's, and the log's own ML-DSA-44 key for checkpoints (C2SP tlog-cosignature).

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, ML_DSA_44_SIGNING, PqdsaKeyPair};
use proofs::cosignature::ML_DSA_44_SIGNATURE_LEN;
use proofs::note::NoteKeyError;
use proofs::{CosignatureKind, Cosigner, CosignerKey, SignFailed};
use zeroize::Zeroizing;

use super::{KeyError, PKCS8_TAG, private_der};

enum Pair {
    Ed25519(Ed25519KeyPair),
    MlDsa44(Box<PqdsaKeyPair>),
}

/// A private key that cosigns under a name: Ed25519 (`cosignature/v1`) or ML-DSA-44.
pub struct CosigningKey {
    pair: Pair,
    public: CosignerKey,
}

/// Why a cosigning key could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosigningKeyError {
    /// The private key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The name it is to go by, or its public key.
    #[error(transparent)]
    Name(#[from] NoteKeyError),
}

impl CosigningKey {
    /// Makes a new key from the operating system's randomness, to go by `name`.
    ///
    /// # Errors
    /// [`CosigningKeyError`]
    pub fn generate(kind: CosignatureKind, name: &str) -> Result<Self, CosigningKeyError> {
        let pair = match kind {
            CosignatureKind::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
            CosignatureKind::MlDsa44 => {
                PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).map(|pair| Pair::MlDsa44(Box::new(pair)))
            }
        };
        Self::new(pair.map_err(|_| KeyError::NotGenerated)?, name)
    }

    /// Reads a key from one PKCS#8 PEM block, unencrypted: Ed25519 (RFC 8410) or ML-DSA-44 (RFC 9881).
    ///
    /// # Errors
    /// [`CosigningKeyError`]
    pub fn from_pem(text: &str, name: &str) -> Result<Self, CosigningKeyError> {
        let der = private_der(text)?;
        let ml_dsa = || PqdsaKeyPair::from_pkcs8(&ML_DSA_44_SIGNING, &der);
        let pair = Ed25519KeyPair::from_pkcs8(&der)
            .map(Pair::Ed25519)
            .or_else(|_| ml_dsa().map(|pair| Pair::MlDsa44(Box::new(pair))))
            .map_err(|_| CosigningKeyError::Key(KeyError::Unsupported))?;
        Self::new(pair, name)
    }

    /// The key as one PKCS#8 PEM block; the text is wiped when it is dropped.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if the library does not write the key.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let document = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
            Pair::MlDsa44(pair) => pair.to_pkcs8v1(),
        };
        let document = document.map_err(|_| KeyError::Unsupported)?;
        let block = pem::Pem::new(PKCS8_TAG, document.as_ref());
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let text = Zeroizing::new(pem::encode_config(&block, config));
        drop(Zeroizing::new(block.into_contents()));
        Ok(text)
    }

    fn new(pair: Pair, name: &str) -> Result<Self, CosigningKeyError> {
        let public = match &pair {
            Pair::Ed25519(pair) => {
                let bytes = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Unsupported)?;
                CosignerKey::ed25519(name, bytes)
            }
            Pair::MlDsa44(pair) => CosignerKey::ml_dsa_44(name, pair.public_key().as_ref()),
        };
        Ok(Self { pair, public: public? })
    }
}

impl Cosigner for CosigningKey {
    fn key(&self) -> &CosignerKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.try_sign(message).map_err(|_| SignFailed)?.as_ref().to_vec()),
            Pair::MlDsa44(pair) => {
                let mut signature = vec![0; ML_DSA_44_SIGNATURE_LEN];
                let written = pair.sign(message, &mut signature).map_err(|_| SignFailed)?;
                signature.truncate(written);
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for CosigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosigningKey({:?}, ..)", self.public)
    }
}
