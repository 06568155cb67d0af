//! `stele key`: issuer keys.

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::keys;
use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use data_encoding::HEXLOWER;
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::{PublicKey, Signer};
use serde_json::json;
use std::path::PathBuf;

/// Make or show an issuer's key
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a private key: PKCS#8 in PEM, readable for its owner only
    #[command(after_help = EXIT_CODES)]
    New {
        /// The file to make; an existing one is never replaced
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What kind of key
        #[arg(long, value_enum, value_name = "ALG", default_value_t = Kind::Ed25519)]
        alg: Kind,
        /// Print the public key as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the public half of a key in every form: kid, COSE_Key, JWK, SPKI PEM
    ///
    /// Reads private and public keys in PEM, COSE_Key and JWK. Never prints the private half.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The file of the key, or - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print only this form: for a file that other commands and services read
        #[arg(long, value_enum, value_name = "FORM")]
        form: Option<Form>,
        /// Print every form as JSON
        #[arg(long, conflicts_with = "form")]
        json: bool,
    },
}

/// Kinds of issuer keys that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Ed25519
    Ed25519,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
}

impl From<Kind> for KeyAlgorithm {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Ed25519 => Self::Ed25519,
            Kind::Es256 => Self::Es256,
            Kind::Es384 => Self::Es384,
        }
    }
}

/// Forms of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The RFC 9679 thumbprint in base64url
    Kid,
    /// COSE_Key, CBOR bytes
    Cose,
    /// JSON Web Key
    Jwk,
    /// SubjectPublicKeyInfo in PEM
    Pem,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.action {
        Action::New { file, alg, json } => {
            let key = PrivateKey::generate((*alg).into()).context("cannot make a key")?;
            files::write_secret(file, key.to_pem().context("cannot write the key")?.as_bytes())?;
            console.say(format_args!(
                "wrote the private key to {}; keep it secret, and keep a copy",
                file.display()
            ));
            print(key.public_key(), *json, console)?;
        }
        Action::Show { file, form, json } => {
            let key = keys::public(file)?;
            match form {
                None => print(&key, *json, console)?,
                Some(Form::Kid) => console.line(key.thumbprint())?,
                Some(Form::Cose) => console.raw(&key.to_cose())?,
                Some(Form::Jwk) => console.line(key.to_jwk())?,
                Some(Form::Pem) => console.raw(key.to_pem().as_bytes())?,
            }
        }
    }
    Ok(Exit::Done)
}

fn print(key: &PublicKey, json: bool, console: &mut Console<'_>) -> Result<(), Failure> {
    let kid = key.thumbprint();
    let algorithm = key.algorithm().map(proofs::Algorithm::name);
    let cose = HEXLOWER.encode(&key.to_cose());
    if json {
        return console.json(&json!({
            "type": key.key_type_name(),
            "alg": algorithm,
            "kid": kid.to_string(),
            "kid_hex": HEXLOWER.encode(kid.as_bytes()),
            "cose_key_hex": cose,
            "jwk": key.to_jwk(),
            "spki_pem": key.to_pem(),
        }));
    }
    console.line(format_args!("type      {}", key.key_type_name()))?;
    if let Some(algorithm) = algorithm {
        console.line(format_args!("alg       {algorithm}"))?;
    }
    console.line(format_args!("kid       {kid}"))?;
    console.line(format_args!("kid hex   {}", HEXLOWER.encode(kid.as_bytes())))?;
    console.line(format_args!("COSE_Key  {cose}"))?;
    console.line(format_args!("JWK       {}", key.to_jwk()))?;
    console.line(format_args!("SPKI      {}", key.to_pem().trim_end().replace('\n', "\n          ")))
}
