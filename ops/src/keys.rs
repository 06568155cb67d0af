//! Keys in every form people keep them in.

#[cfg(test)]
mod tests;

use crate::console::Console;
use crate::datadir::{DataDir, Role};
use crate::failure::Failure;
use crate::files;
use ledger::control::Genesis;
use ledger::{CosigningKey, PrivateKey};
use proofs::{Algorithm, KeySet, LeafIndex, PublicKey, SignedStatement, Signer};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use storage::LogStore;

/// Reads a private key (PKCS#8 PEM) and warns when others can read the file too.
pub(crate) fn private(path: &Path, console: &mut Console<'_>) -> Result<PrivateKey, Failure> {
    if let Some(warning) = loose(path) {
        console.say(format_args!("warning: {warning}"));
    }
    private_quiet(path)
}

/// Reads a private key without a word about its file mode.
pub(crate) fn private_quiet(path: &Path) -> Result<PrivateKey, Failure> {
    PrivateKey::from_pem(&files::read_text(path)?).map_err(|error| {
        Failure::local(format_args!("{} holds no private key in PKCS#8 PEM: {error}", path.display()))
            .hint("make one with: stele key new FILE")
    })
}

/// What is wrong with the mode of a private key's file, if anything is.
pub(crate) fn loose(path: &Path) -> Option<String> {
    let mode = path.metadata().ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        format!(
            "{} can be read by others (mode {:o}); run: chmod 600 {}",
            path.display(),
            mode & 0o777,
            path.display()
        )
    })
}

/// Reads a public key in any form: SPKI PEM, private PKCS#8 PEM, COSE_Key, a COSE key set of one key, or JWK.
pub(crate) fn public(path: &Path) -> Result<PublicKey, Failure> {
    let bytes = files::read(path)?;
    public_from(&bytes).ok_or_else(|| {
        Failure::local(format_args!("{} holds no public key that Stele can read", path.display()))
            .hint("it reads PEM (PUBLIC KEY, PRIVATE KEY), COSE_Key and JWK of Ed25519, P-256, P-384, P-521 and RSA keys")
    })
}

/// A public key in any of the forms of [`public`].
pub(crate) fn public_from(bytes: &[u8]) -> Option<PublicKey> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let text = text.trim();
        if text.starts_with('{') {
            return PublicKey::from_jwk(&serde_json::from_str(text).ok()?).ok();
        }
        if text.contains("PRIVATE KEY") {
            return PrivateKey::from_pem(text).ok().map(|key| key.public_key().clone());
        }
        if text.contains("-----BEGIN") {
            return PublicKey::from_pem(text).ok();
        }
    }
    if let Ok(key) = PublicKey::from_cose(bytes) {
        return Some(key);
    }
    let set = KeySet::parse(bytes).ok()?;
    let mut keys = set.iter();
    keys.next().filter(|_| keys.next().is_none()).cloned()
}

/// The keys of a transparency service: a COSE key set, or one key in any form.
pub(crate) fn set(path: &Path) -> Result<KeySet, Failure> {
    let bytes = files::read(path)?;
    set_from(&bytes).ok_or_else(|| {
        Failure::local(format_args!("{} holds neither a COSE key set nor a public key", path.display())).hint(
            "a service publishes its key set at /.well-known/scitt-keys; or name the service with --url",
        )
    })
}

/// A key set in any of the forms of [`set`].
pub(crate) fn set_from(bytes: &[u8]) -> Option<KeySet> {
    // One COSE_Key is read as a set of one, so that it keeps the kid it gives itself.
    let alone = || KeySet::parse(&[&[0x81], bytes].concat()).ok().filter(|set| !set.is_empty());
    let set = KeySet::parse(bytes).ok().filter(|set| !set.is_empty()).or_else(alone);
    set.or_else(|| public_from(bytes).map(|key| KeySet::new([key])))
}

/// The keys that `serve` needs. The operator key is not among them and its file is not touched.
///
/// Which of the algorithms of its key signs receipts was fixed at genesis (D2), so it is read from there: nothing in
/// the configuration can contradict it.
pub(crate) fn of_service(folder: &DataDir, store: &dyn LogStore) -> Result<ledger::Keys, Failure> {
    let genesis = genesis(store)?;
    let load = |role: Role, named: &PublicKey| -> Result<Arc<dyn Signer>, Failure> {
        let path = folder.key_file(role);
        if let Some(warning) = loose(&path) {
            tracing::warn!("{warning}");
        }
        let key = private_quiet(&path)?;
        let key = match named.algorithm() {
            Some(algorithm) => with_algorithm(key, algorithm, &path)?,
            None => key,
        };
        Ok(Arc::new(key))
    };
    Ok(ledger::Keys {
        receipts: load(Role::Receipts, &genesis.receipts)?,
        checkpoints: load(Role::Checkpoints, &genesis.checkpoints)?,
        checkpoints_ml_dsa_44: match &genesis.checkpoints_ml_dsa_44 {
            Some(_) => Some(Arc::new(cosigning(&folder.key_file(Role::CheckpointsMlDsa), &genesis.origin)?)),
            None => None,
        },
        registrar: load(Role::Registrar, &genesis.registrar)?,
    })
}

/// Reads a private key that cosigns under a name (PKCS#8 PEM, Ed25519 or ML-DSA-44).
pub(crate) fn cosigning(path: &Path, name: &str) -> Result<CosigningKey, Failure> {
    if let Some(warning) = loose(path) {
        tracing::warn!("{warning}");
    }
    CosigningKey::from_pem(&files::read_text(path)?, name).map_err(|error| {
        Failure::local(format_args!("{} holds no key that can cosign: {error}", path.display()))
    })
}

/// A private key that signs with the algorithm given.
pub(crate) fn with_algorithm(
    key: PrivateKey,
    algorithm: Algorithm,
    path: &Path,
) -> Result<PrivateKey, Failure> {
    key.with_algorithm(algorithm).map_err(|_| {
        Failure::local(format_args!("the key in {} cannot sign with {}", path.display(), algorithm.name()))
    })
}

/// The genesis of the log in a store.
pub(crate) fn genesis(store: &dyn LogStore) -> Result<Genesis, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::local(format_args!("the log's first entry cannot be read: {why}"))
    };
    let statement = store
        .snapshot()
        .and_then(|snapshot| snapshot.statement(LeafIndex::new(0)))
        .map_err(Failure::local)?
        .ok_or_else(|| {
            Failure::local("this folder holds no log yet")
                .hint("make one with: stele init DIR --service-url URL")
        })?;
    let statement =
        SignedStatement::parse(&statement, statement.len()).map_err(|error| unreadable(&error))?;
    Genesis::from_json(statement.payload()).map_err(|error| unreadable(&error))
}
