//! `stele verify`: is this statement registered, as far as anybody can tell without trusting the service?

mod report;
#[cfg(test)]
mod tests;
mod tlog;

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::http::{Client, Transport};
use crate::keys;
use crate::watch::{self, TrustArgs};
use data_encoding::BASE64URL_NOPAD;
use ledger::{Clock, SystemClock};
use proofs::cose::DigestAlgorithm;
use proofs::{
    Check, KeySet, Outcome, PublicKey, Receipt, Report, SignedStatement, TransparentError,
    TransparentStatement, verify_transparent,
};
use report::Verdict;
use std::path::{Path, PathBuf};
use url::Url;

/// Check a statement and its receipt, offline if the keys are at hand
///
/// Makes every check of the SCITT architecture in its order and says of each whether it passed, failed or was not made:
/// form, entry, receipt key, inclusion, receipt signature, service, subject, validity, and with --issuer-key the
/// statement's own signature. With --keys nothing is asked of the network. With --url the keys are fetched from the
/// service; keep them, so that the receipt can be checked when the service is gone.
///
/// With --tlog-proof and --vkey, or a tlog-policy file (--policy), the proof's checkpoint, the inclusion and the quorum of
/// witnesses are checked instead, without any network. It says more than a receipt: the size of the tree is signed.
///
/// Of several receipts in a transparent statement one valid receipt is enough.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
#[command(group = clap::ArgGroup::new("trust").required(true).multiple(true).args(["keys", "url", "vkey", "policy"]))]
pub(crate) struct Args {
    /// A transparent statement: the statement with its receipts inside
    #[arg(value_name = "TRANSPARENT", required_unless_present = "statement", conflicts_with_all = ["statement", "receipt"])]
    transparent: Option<PathBuf>,
    /// The signed statement
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// Its receipt
    #[arg(long, value_name = "FILE", requires = "statement")]
    receipt: Option<PathBuf>,
    /// A C2SP tlog-proof of the statement, instead of a receipt; needs --vkey or --policy
    #[arg(long, value_name = "FILE", requires = "statement", conflicts_with_all = ["receipt", "keys", "url", "service"])]
    tlog_proof: Option<PathBuf>,
    #[command(flatten)]
    log: TrustArgs,
    /// The service's keys: a COSE key set or one key
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "vkey", "policy"])]
    keys: Option<PathBuf>,
    /// Fetch the service's keys from here
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    #[command(flatten)]
    transport: Transport,
    /// The issuer the receipt has to name
    #[arg(long, value_name = "ISS")]
    service: Option<String>,
    /// The key of the statement's issuer, to check the statement's own signature too
    #[arg(long, value_name = "FILE")]
    issuer_key: Option<PathBuf>,
    /// The file the statement is about: checks that the payload is it, or its digest
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let issuer_key = args.issuer_key.as_deref().map(keys::public).transpose()?;
    let content = args.content.as_deref().map(files::read).transpose()?;
    if let (Some(statement), Some(proof)) = (&args.statement, &args.tlog_proof) {
        let verdict = prove(args, statement, proof, issuer_key.as_ref(), content.as_deref())?;
        return tell(&verdict, args.json, console);
    }
    let verdict = match Input::read(args)? {
        Ok(input) => {
            let trust = Trust::of(args)?;
            judge(&input, &trust, args.service.as_deref(), issuer_key.as_ref(), content.as_deref())?
        }
        Err(why) => Verdict::unreadable(why),
    };
    tell(&verdict, args.json, console)
}

/// Checks a statement with its tlog-proof.
fn prove(
    args: &Args,
    statement: &Path,
    proof: &Path,
    issuer_key: Option<&PublicKey>,
    content: Option<&[u8]>,
) -> Result<Verdict, Failure> {
    let trust = watch::Trust::of(&args.log)?;
    let (bytes, proof) = (files::read(statement)?, files::read(proof)?);
    Ok(match SignedStatement::parse(&bytes, bytes.len()) {
        Ok(statement) => {
            let report = tlog::checks(&statement, &proof, &trust, issuer_key);
            let content = content.map(|content| check_content(&statement, content));
            Verdict::of_proof(statement.entry_id(), report, content)
        }
        Err(error) => Verdict::unreadable(error.to_string()),
    })
}

fn tell(verdict: &Verdict, as_json: bool, console: &mut Console<'_>) -> Result<Exit, Failure> {
    if as_json {
        console.json(&verdict.json())?;
    } else {
        console.line(verdict.text())?;
    }
    Ok(if verdict.is_valid() { Exit::Done } else { Exit::Refused })
}

/// What is to be checked.
struct Input {
    statement: SignedStatement,
    receipts: Vec<Vec<u8>>,
}

impl Input {
    /// Reads the files named. The inner error says why there is no statement: that is a finding, not a mishap.
    fn read(args: &Args) -> Result<Result<Self, String>, Failure> {
        if let (Some(statement), Some(receipt)) = (&args.statement, &args.receipt) {
            let bytes = files::read(statement)?;
            let receipts = vec![files::read(receipt)?];
            return Ok(SignedStatement::parse(&bytes, bytes.len())
                .map(|statement| Self { statement, receipts })
                .map_err(|error| error.to_string()));
        }
        if args.statement.is_some() {
            return Err(Failure::local(
                "name the statement's receipt with --receipt, or its proof with --tlog-proof",
            ));
        }
        let bytes = files::read(args.transparent.as_deref().unwrap_or(Path::new("-")))?;
        match TransparentStatement::parse(&bytes, bytes.len()) {
            Ok(TransparentStatement { statement, receipt_bytes, .. }) => {
                Ok(Ok(Self { statement, receipts: receipt_bytes }))
            }
            Err(TransparentError::NoReceipts) => Err(Failure::local("the statement has no receipts inside")
                .hint("name the receipt too: stele verify --statement FILE --receipt FILE")),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

/// Where the service's keys come from.
struct Trust {
    keys: KeySet,
    client: Option<Client>,
}

impl Trust {
    fn of(args: &Args) -> Result<Self, Failure> {
        if let Some(path) = &args.keys {
            return Ok(Self { keys: keys::set(path)?, client: None });
        }
        let url = args
            .url
            .as_ref()
            .ok_or_else(|| Failure::local("name the service's keys with --keys or --url"))?;
        let client = Client::new(url, &args.transport)?;
        let bytes = client.fetch(".well-known/scitt-keys", "application/cbor")?;
        let keys = KeySet::parse(&bytes)
            .map_err(|error| Failure::refused(format_args!("the service's keys: {error}")))?;
        Ok(Self { keys, client: Some(client) })
    }

    /// The keys for one receipt. One that the set no longer lists may still be served by its kid (SCR-10).
    fn for_receipt(&self, receipt: &[u8]) -> Result<KeySet, Failure> {
        let kid = Receipt::parse(receipt).ok().and_then(|receipt| receipt.kid().map(<[u8]>::to_vec));
        if let (Some(client), Some(kid)) = (&self.client, kid)
            && self.keys.get(&kid).is_none()
        {
            let path = format!(".well-known/scitt-keys/{}", BASE64URL_NOPAD.encode(&kid));
            let reply = client.get(&client.resource(&path)?, "application/cbor")?;
            if reply.status == 200
                && let Some(set) = keys::set_from(&reply.body)
            {
                return Ok(set);
            }
        }
        Ok(self.keys.clone())
    }
}

fn judge(
    input: &Input,
    trust: &Trust,
    service: Option<&str>,
    issuer_key: Option<&PublicKey>,
    content: Option<&[u8]>,
) -> Result<Verdict, Failure> {
    let now = SystemClock.now();
    let mut reports: Vec<Report> = Vec::with_capacity(input.receipts.len());
    for receipt in &input.receipts {
        let keys = trust.for_receipt(receipt)?;
        reports.push(verify_transparent(&input.statement, receipt, &keys, service, issuer_key, Some(now)));
    }
    let content = content.map(|content| check_content(&input.statement, content));
    Ok(Verdict::new(input.statement.entry_id(), reports, content))
}

/// HE-06: the signature covers the digest; that the digest is this file's is a step of its own.
fn check_content(statement: &SignedStatement, content: &[u8]) -> Check {
    let outcome = match &statement.header().envelope {
        None if statement.payload() == content => Outcome::Passed("the payload is this file".to_owned()),
        None => Outcome::Failed("the payload is not this file".to_owned()),
        Some(envelope) => match DigestAlgorithm::from_cose(envelope.hash_alg) {
            Some(algorithm) if algorithm.digest(content) == statement.payload() => {
                Outcome::Passed("the payload is the digest of this file".to_owned())
            }
            Some(_) => Outcome::Failed("the payload is not the digest of this file".to_owned()),
            None => Outcome::NotChecked("the digest algorithm is not known here".to_owned()),
        },
    };
    Check { name: "content", outcome }
}
