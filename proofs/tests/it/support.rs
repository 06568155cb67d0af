//! Signers with keys of every kind, and the data files.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, KeyPair, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
};
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer as _, SigningKey};
use proofs::{Algorithm, Curve, PublicKey, SignFailed, Signer};
use serde_json::Value;

/// The seed of RFC 8032, test 1.
pub(crate) const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

pub(crate) const MAX: usize = 1 << 20;

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// A member of a JSON file that is text.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is text"))
}

/// A member of a JSON file that is bytes in hexadecimal digits.
pub(crate) fn bytes(value: &Value, name: &str) -> Vec<u8> {
    unhex(text(value, name))
}

enum Secret {
    Ed25519(SigningKey),
    Ecdsa(EcdsaKeyPair),
    Rsa(&'static rsa::KeyPair),
}

pub(crate) struct TestSigner {
    algorithm: Algorithm,
    public: PublicKey,
    secret: Secret,
}

impl TestSigner {
    /// A key for `algorithm`. Ed25519 keys are made from `seed`; ECDSA keys are new each time, the RSA key is one.
    pub(crate) fn new(algorithm: Algorithm, seed: [u8; 32]) -> Self {
        let (public, secret) = match algorithm {
            Algorithm::EdDsa | Algorithm::Ed25519 => {
                let key = SigningKey::from_bytes(&seed);
                (PublicKey::ed25519(key.verifying_key().to_bytes()).unwrap(), Secret::Ed25519(key))
            }
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => {
                static KEY: OnceLock<rsa::KeyPair> = OnceLock::new();
                let key = KEY.get_or_init(|| rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap());
                let spki = key.public_key().as_der().unwrap();
                (PublicKey::from_spki_der(spki.as_ref()).unwrap(), Secret::Rsa(key))
            }
            ecdsa => {
                let (signing, curve) = match ecdsa {
                    Algorithm::Es256 | Algorithm::Esp256 => (&ECDSA_P256_SHA256_FIXED_SIGNING, Curve::P256),
                    Algorithm::Es384 | Algorithm::Esp384 => (&ECDSA_P384_SHA384_FIXED_SIGNING, Curve::P384),
                    _ => (&ECDSA_P521_SHA512_FIXED_SIGNING, Curve::P521),
                };
                let key = EcdsaKeyPair::generate(signing).unwrap();
                let (x, y) = key.public_key().as_ref()[1..].split_at(curve.width());
                (PublicKey::ec2(curve, x, y).unwrap(), Secret::Ecdsa(key))
            }
        };
        Self { algorithm, public, secret }
    }

    /// The key of RFC 8032, test 1.
    pub(crate) fn golden(algorithm: Algorithm) -> Self {
        Self::new(algorithm, unhex(SEED).try_into().unwrap())
    }

    /// The same key under another algorithm.
    pub(crate) fn under(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }
}

impl Signer for TestSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFailed> {
        match &self.secret {
            Secret::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
            Secret::Ecdsa(key) => key
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignFailed),
            Secret::Rsa(key) => {
                let encoding = match self.algorithm {
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    Algorithm::Ps384 => &RSA_PSS_SHA384,
                    _ => &RSA_PSS_SHA512,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| SignFailed)?;
                Ok(signature)
            }
        }
    }
}
