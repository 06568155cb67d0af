//! `stele init`: a new log.

#[cfg(test)]
mod tests;

use crate::config;
use crate::console::Console;
use crate::datadir::{DataDir, Role};
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::keys;
use anyhow::Context;
use api::PublicUrl;
use clap::ValueEnum;
use ledger::control::{GENESIS_FORMAT, Genesis};
use ledger::signer::KeyAlgorithm;
use ledger::{CosigningKey, Keys, PrivateKey, SystemClock};
use proofs::note::ed25519_vkey;
use proofs::{Algorithm, CosignatureKind, Cosigner, EntryId, NoteVerifierKey, Origin, PublicKey, Signer};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// Make a new log: its keys, its configuration, its first three entries
///
/// Keys are one a role and readable for their owner only; the configuration is stele.toml. The first three entries are
/// the genesis statement, whose digest is the log's id; a policy that admits nobody but the operator; and no
/// trust anchors. Admit issuers afterwards with stele policy trust. The folder must be new or empty.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The folder to make
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Address under which clients will reach the service; it may change later
    #[arg(long, value_name = "URL")]
    service_url: String,
    /// Issuer named in every receipt; fixed for ever [default: the service URL]
    #[arg(long, value_name = "ISS")]
    iss: Option<String>,
    /// Name of the log in its checkpoints; fixed for ever [default: the service URL without its scheme]
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// Algorithm that signs receipts; fixed for ever
    #[arg(long, value_enum, value_name = "ALG", default_value_t = ReceiptAlgorithm::Eddsa)]
    receipt_alg: ReceiptAlgorithm,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What may sign receipts (D2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReceiptAlgorithm {
    /// EdDSA with Ed25519, -8: what every verifier reads today
    Eddsa,
    /// ES256 on P-256, -7
    Es256,
    /// Ed25519, -19: the fully specified successor of EdDSA
    Ed25519,
    /// ESP256, -9: the fully specified successor of ES256
    Esp256,
}

impl ReceiptAlgorithm {
    const fn key(self) -> KeyAlgorithm {
        match self {
            Self::Eddsa | Self::Ed25519 => KeyAlgorithm::Ed25519,
            Self::Es256 | Self::Esp256 => KeyAlgorithm::Es256,
        }
    }

    const fn cose(self) -> Algorithm {
        match self {
            Self::Eddsa => Algorithm::EdDsa,
            Self::Es256 => Algorithm::Es256,
            Self::Ed25519 => Algorithm::Ed25519,
            Self::Esp256 => Algorithm::Esp256,
        }
    }
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let identity = Identity::of(args)?;
    let folder = DataDir::create(&args.folder)?;
    let made = make(&folder, &identity, args.receipt_alg).inspect_err(|_| folder.abandon())?;
    if args.json {
        console.json(&json!({
            "log_id": made.log_id.to_string(),
            "issuer": identity.issuer,
            "origin": identity.origin.as_str(),
            "url": identity.url.as_str(),
            "checkpoint_key": made.vkey.to_string(),
            "receipts_kid": made.receipts.thumbprint().to_string(),
            "folder": args.folder.display().to_string(),
            "operator_key": folder.key_file(Role::Operator).display().to_string(),
        }))?;
        return Ok(Exit::Done);
    }
    console.line(format_args!("log id          {}", made.log_id))?;
    console.line(format_args!("issuer          {}", identity.issuer))?;
    console.line(format_args!("checkpoint key  {}", made.vkey))?;
    console.line(format_args!("receipt key     {} (kid)", made.receipts.thumbprint()))?;
    console.line(format_args!("folder          {}", args.folder.display()))?;
    console.say(format_args!(
        "\nKeep {} apart from the service: it signs every change of policy, and serving does not need it.\n\
         Next: stele serve {}",
        folder.key_file(Role::Operator).display(),
        args.folder.display()
    ));
    Ok(Exit::Done)
}

/// What the log will be called, checked before anything is made.
#[derive(Debug)]
struct Identity {
    url: PublicUrl,
    issuer: String,
    origin: Origin,
    listen: SocketAddr,
}

impl Identity {
    fn of(args: &Args) -> Result<Self, Failure> {
        let url = PublicUrl::parse(&args.service_url)
            .map_err(|error| Failure::local(format_args!("--service-url {}: {error}", args.service_url)))?;
        let issuer = args.iss.clone().unwrap_or_else(|| url.as_str().to_owned());
        if issuer.is_empty() {
            return Err(Failure::local("--iss must not be empty"));
        }
        let name = args.origin.clone().unwrap_or_else(|| without_scheme(url.as_str()));
        let origin =
            Origin::new(&name).map_err(|error| Failure::local(format_args!("--origin {name}: {error}")))?;
        let listen = loopback_address(url.as_str());
        Ok(Self { url, issuer, origin, listen })
    }
}

fn without_scheme(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, rest)| rest).to_owned()
}

/// Where the service listens by default: a loopback URL is taken at its word, any other is reached through a proxy or
/// needs a decision of the operator.
fn loopback_address(url: &str) -> SocketAddr {
    let standard = config::Listen::default().address;
    let Ok(url) = Url::parse(url) else { return standard };
    let Some(port) = url.port_or_known_default().filter(|_| url.scheme() == "http") else { return standard };
    match url.host() {
        Some(url::Host::Ipv4(address)) if address.is_loopback() => (address, port).into(),
        Some(url::Host::Ipv6(address)) if address.is_loopback() => (address, port).into(),
        Some(url::Host::Domain("localhost")) => (standard.ip(), port).into(),
        _ => standard,
    }
}

/// What came of it.
struct Made {
    log_id: EntryId,
    vkey: NoteVerifierKey,
    receipts: PublicKey,
}

fn make(folder: &DataDir, identity: &Identity, algorithm: ReceiptAlgorithm) -> Result<Made, Failure> {
    let new_key = |role: Role, kind: KeyAlgorithm| -> Result<PrivateKey, Failure> {
        let key = PrivateKey::generate(kind).with_context(|| format!("cannot make the {role} key"))?;
        files::write_secret(
            &folder.key_file(role),
            key.to_pem().with_context(|| format!("cannot write the {role} key"))?.as_bytes(),
        )?;
        Ok(key)
    };
    let receipts_file = folder.key_file(Role::Receipts);
    let receipts =
        keys::with_algorithm(new_key(Role::Receipts, algorithm.key())?, algorithm.cose(), &receipts_file)?;
    let checkpoints = new_key(Role::Checkpoints, KeyAlgorithm::Ed25519)?;
    let second = CosigningKey::generate(CosignatureKind::MlDsa44, identity.origin.as_str())
        .context("cannot make the second checkpoint key")?;
    let second_pem = second.to_pem().context("cannot write the second checkpoint key")?;
    files::write_secret(&folder.key_file(Role::CheckpointsMlDsa), second_pem.as_bytes())?;
    let registrar = new_key(Role::Registrar, KeyAlgorithm::Ed25519)?;
    let operator = new_key(Role::Operator, KeyAlgorithm::Ed25519)?;
    let genesis = Genesis {
        format: GENESIS_FORMAT,
        issuer: identity.issuer.clone(),
        origin: identity.origin.as_str().to_owned(),
        receipts: receipts.public_key().clone(),
        checkpoints: checkpoints.public_key().clone(),
        checkpoints_ml_dsa_44: Some(second.key().clone()),
        registrar: registrar.public_key().clone(),
        operator: operator.public_key().clone(),
    };
    let vkey = checkpoints
        .public_key()
        .ed25519_bytes()
        .and_then(|key| ed25519_vkey(identity.origin.as_str(), &key).ok())
        .ok_or_else(|| Failure::local("the checkpoint key cannot be named"))?;
    let receipts_key = receipts.public_key().clone();
    let service = Keys {
        receipts: Arc::new(receipts),
        checkpoints: Arc::new(checkpoints),
        checkpoints_ml_dsa_44: Some(Arc::new(second)),
        registrar: Arc::new(registrar),
    };
    let store = folder.create_store()?;
    let log_id = ledger::create(&store, &genesis, &service, &operator, &SystemClock)
        .map_err(|error| Failure::local(format_args!("cannot make the log: {error}")))?;
    drop(store);
    // Last: a folder without it is no log, so an init that was interrupted is noticed.
    let text = config::for_new_log(&identity.url, identity.listen);
    files::write_new(&folder.config_file(), text.as_bytes(), 0o644)?;
    Ok(Made { log_id, vkey, receipts: receipts_key })
}
