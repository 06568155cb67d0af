//! `stele sign`: a signed statement about a file.

#[cfg(test)]
mod tests;

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::keys;
use anyhow::Context;
use ledger::{Clock, SystemClock};
use proofs::cose::{DigestAlgorithm, label};
use proofs::statement::kid_names_certificate;
use proofs::{Algorithm, ContentType, SignedStatement, Signer, StatementBuilder};
use serde_json::json;
use sha2::{Digest, Sha256, Sha384, Sha512, Sha512_256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Make a signed statement about a file (COSE_Sign1, RFC 9943)
///
/// The payload is the file itself, or with --hash-envelope its digest (RFC 9995), so that large or confidential content
/// need not leave the machine. The digest is as strong as the signature: SHA-384 with ES384, else SHA-256.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The issuer's private key, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Who makes the statement: a URI or name the service has an anchor for
    #[arg(long, value_name = "ISS")]
    issuer: String,
    /// What the statement is about: the same for every statement about the same thing
    #[arg(long, value_name = "SUB")]
    subject: String,
    /// Media type of the file, or its CoAP content format number
    #[arg(long, value_name = "CT")]
    content_type: String,
    /// Put the file's digest into the statement instead of the file
    #[arg(long)]
    hash_envelope: bool,
    /// Where the file can be found, for readers of a hash envelope
    #[arg(long, value_name = "URI", requires = "hash_envelope")]
    location: Option<String>,
    /// When the statement was made: "now" or seconds since 1970 (CWT claim iat)
    #[arg(long, value_name = "TIME")]
    issued_at: Option<IssuedAt>,
    /// Certificates of the key in PEM, leaf first, to sign as an X.509 issuer
    #[arg(long, value_name = "FILE")]
    x5chain: Option<PathBuf>,
    /// Algorithm, where the key can sign with more than one: EdDSA, Ed25519, ES256, ESP256, ES384, ESP384
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    alg: Option<Algorithm>,
    /// Where to write the statement, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// The file to make a statement about, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// `now`, or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IssuedAt {
    Now,
    At(u64),
}

impl std::str::FromStr for IssuedAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "now" => Ok(Self::Now),
            seconds => seconds
                .parse()
                .map(Self::At)
                .map_err(|_| "neither \"now\" nor a number of seconds".to_owned()),
        }
    }
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::ALL
        .iter()
        .copied()
        .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
        .ok_or_else(|| "no algorithm that Stele knows".to_owned())
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut key = keys::private(&args.key, console)?;
    if let Some(algorithm) = args.alg {
        key = keys::with_algorithm(key, algorithm, &args.key)?;
    }
    let content_type = content_type(&args.content_type);
    let mut builder = StatementBuilder::new(&args.issuer, &args.subject);
    let payload = if args.hash_envelope {
        let hash = DigestAlgorithm::as_strong_as(key.algorithm());
        builder = builder.hash_envelope(hash.cose(), Some(content_type), args.location.clone());
        digest(&args.file, hash)?
    } else {
        builder = builder.content_type(content_type);
        files::read(&args.file)?
    };
    if let Some(time) = args.issued_at {
        let seconds = match time {
            IssuedAt::Now => SystemClock.now().secs(),
            IssuedAt::At(seconds) => seconds,
        };
        builder = builder.claim(label::CLAIM_IAT, seconds.into());
    }
    if let Some(path) = &args.x5chain {
        let chain = certificates(path)?;
        let kid = key.public_key().thumbprint();
        if !chain.first().is_some_and(|leaf| kid_names_certificate(kid.as_bytes(), leaf)) {
            return Err(Failure::local(format_args!(
                "the first certificate in {} is not for the key in {}",
                path.display(),
                args.key.display()
            ))
            .hint("the chain begins with the certificate of the key; the root may be left out"));
        }
        builder = builder.x5chain(chain);
    }
    let statement = builder.sign(&payload, &key).context("cannot sign the statement")?;
    // What is handed out is what a service would read: a mistake shows here, not there.
    let parsed = SignedStatement::parse(&statement, statement.len()).map_err(|error| {
        Failure::local(format_args!("this would make a statement that services refuse: {error}"))
    })?;
    files::write(&args.output, &statement)?;
    if args.output == Path::new("-") {
        return Ok(Exit::Done);
    }
    if args.json {
        console.json(&json!({
            "entry_id": parsed.entry_id().to_string(),
            "file": args.output.display().to_string(),
            "bytes": statement.len(),
        }))?;
    } else {
        console.line(format_args!("entry id   {}", parsed.entry_id()))?;
        console.line(format_args!("statement  {} ({} bytes)", args.output.display(), statement.len()))?;
    }
    Ok(Exit::Done)
}

/// A number is a CoAP content format, anything else a media type (RFC 9052 §3.1).
fn content_type(text: &str) -> ContentType {
    text.parse().map_or_else(|_| ContentType::Text(text.to_owned()), ContentType::Id)
}

/// The digest of a file of any size.
fn digest(path: &Path, algorithm: DigestAlgorithm) -> Result<Vec<u8>, Failure> {
    match algorithm {
        DigestAlgorithm::Sha256 => digest_with(path, Sha256::new()),
        DigestAlgorithm::Sha512_256 => digest_with(path, Sha512_256::new()),
        DigestAlgorithm::Sha384 => digest_with(path, Sha384::new()),
        DigestAlgorithm::Sha512 => digest_with(path, Sha512::new()),
    }
}

fn digest_with(path: &Path, mut hasher: impl Digest) -> Result<Vec<u8>, Failure> {
    let mut reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
    };
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = reader.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))?;
        match buffer.get(..read) {
            Some([]) | None => return Ok(hasher.finalize().to_vec()),
            Some(bytes) => hasher.update(bytes),
        }
    }
}

/// The DER of every certificate in a PEM file, in its order.
pub(crate) fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let text = files::read(path)?;
    let blocks = pem::parse_many(&text)
        .map_err(|error| Failure::local(format_args!("{} is not PEM: {error}", path.display())))?;
    let chain: Vec<_> = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(pem::Pem::into_contents)
        .collect();
    if chain.is_empty() {
        return Err(Failure::local(format_args!("{} holds no certificate in PEM", path.display())));
    }
    Ok(chain)
}
