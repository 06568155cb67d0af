//! Statements by the hundred thousand: made and signed before the clock starts, no two alike.

#[cfg(test)]
mod tests;

use crate::commands::policy::NewIssuer;
use crate::failure::Failure;
use anyhow::Context;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use ledger::trust::SelfCertifying;
use proofs::{ContentType, PublicKey, Signer, StatementBuilder};

/// What issuers sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Algorithm {
    /// EdDSA with Ed25519
    Ed25519,
    /// ECDSA on P-256 with SHA-256
    Es256,
}

impl Algorithm {
    pub(super) const fn key(self) -> KeyAlgorithm {
        match self {
            Self::Ed25519 => KeyAlgorithm::Ed25519,
            Self::Es256 => KeyAlgorithm::Es256,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Es256 => "es256",
        }
    }
}

/// Issuers of this run, with keys that no other run has, so that no statement is like one of another run.
pub(super) struct Issuers {
    issuers: Vec<Issuer>,
    run: String,
    payload_bytes: usize,
}

struct Issuer {
    name: String,
    key: PrivateKey,
}

impl Issuers {
    pub(super) fn generate(
        count: usize,
        algorithm: Algorithm,
        payload_bytes: usize,
    ) -> Result<Self, Failure> {
        let make = |number: usize| -> Result<Issuer, Failure> {
            let key = PrivateKey::generate(algorithm.key()).context("cannot make a key")?;
            Ok(Issuer { name: format!("https://bench-{number}.example"), key })
        };
        let issuers = (0..count.max(1)).map(make).collect::<Result<Vec<_>, _>>()?;
        let thumbprint = issuers.first().map(|issuer| issuer.key.public_key().thumbprint());
        let digest = thumbprint.map_or_else(String::new, |kid| HEXLOWER.encode(kid.as_bytes()));
        let run = digest.get(..16).unwrap_or_default().to_owned();
        Ok(Self { issuers, run, payload_bytes })
    }

    /// As the operator takes them in.
    pub(super) fn admissible(&self) -> Vec<NewIssuer> {
        let one = |(number, issuer): (usize, &Issuer)| NewIssuer {
            rule: format!("bench {number}"),
            name: issuer.name.clone(),
            key: issuer.key.public_key().clone(),
        };
        self.issuers.iter().enumerate().map(one).collect()
    }

    /// The same issuers, named by their keys.
    pub(super) fn named_by_key(mut self, method: SelfCertifying) -> Result<Self, Failure> {
        for issuer in &mut self.issuers {
            let key = issuer.key.public_key();
            issuer.name = match method {
                SelfCertifying::DidJwk => {
                    format!("did:jwk:{}", BASE64URL_NOPAD.encode(key.to_jwk().to_string().as_bytes()))
                }
                SelfCertifying::DidKey => {
                    format!("did:key:z{}", bs58::encode(multicodec(key)?).into_string())
                }
            };
        }
        Ok(self)
    }

    /// The statement with this number: always the same header and payload, another number another statement.
    pub(super) fn statement(&self, number: u64) -> Result<Vec<u8>, Failure> {
        let count = u64::try_from(self.issuers.len()).unwrap_or(1).max(1);
        let chosen = usize::try_from(number % count).unwrap_or(0);
        let issuer = self.issuers.get(chosen).ok_or_else(|| Failure::local("there are no issuers"))?;
        let subject = format!("urn:example:bench:{}:{number:012}", self.run);
        let builder = StatementBuilder::new(issuer.name.as_str(), subject)
            .content_type(ContentType::Text("application/octet-stream".to_owned()));
        let signed = builder.sign(&payload(number, self.payload_bytes), &issuer.key);
        Ok(signed.context("cannot sign a statement")?)
    }

    /// The statements from one number up to another.
    pub(super) fn part(&self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, Failure> {
        (from..to).map(|n| self.statement(n)).collect()
    }

    /// The statements from `first` on, signed on every core.
    pub(super) fn sign(&self, first: u64, count: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let cores =
            std::thread::available_parallelism().map_or(1, |cores| u64::try_from(cores.get()).unwrap_or(1));
        let share = count.div_ceil(cores).max(1);
        let end = first.saturating_add(count);
        let parts = std::thread::scope(|scope| {
            let signing: Vec<_> = (0..cores)
                .map(|core| {
                    let from = first.saturating_add(share.saturating_mul(core)).min(end);
                    let to = from.saturating_add(share).min(end);
                    scope.spawn(move || self.part(from, to))
                })
                .collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, Result<Vec<Vec<u8>>, Failure>>| {
                part.join().unwrap_or_else(|_| Err(Failure::local("a thread that signs failed")))
            };
            signing.into_iter().map(join).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(parts.concat())
    }
}

/// A key as did:key writes it: a multicodec, then the key; of an EC key the compressed point (SEC 1 §2.3.3).
fn multicodec(key: &PublicKey) -> Result<Vec<u8>, Failure> {
    if let Some(bytes) = key.ed25519_bytes() {
        return Ok([&[0xed, 0x01], &bytes[..]].concat());
    }
    let jwk = key.to_jwk();
    let member = |name: &str| BASE64URL_NOPAD.decode(jwk.get(name)?.as_str()?.as_bytes()).ok();
    let (Some(x), Some(y)) = (member("x"), member("y")) else {
        return Err(Failure::local("a key that did:key cannot write"));
    };
    let odd = y.last().is_some_and(|last| last % 2 == 1);
    Ok([&[0x80, 0x24, if odd { 3 } else { 2 }], x.as_slice()].concat())
}

/// A payload of this many bytes that no compression makes smaller, so that nothing is measured smaller than it is.
fn payload(number: u64, bytes: usize) -> Vec<u8> {
    let mut payload = format!("{number:020}").into_bytes();
    let mut state = number;
    while payload.len() < bytes {
        // SplitMix64: every number of 64 bits gives another.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        payload.extend_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    payload.truncate(bytes.max(20));
    payload
}
