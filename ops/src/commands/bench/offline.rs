//! What a stranger's verification costs: a statement, a receipt, the service's keys, one core, no network.

#[cfg(test)]
mod tests;

use super::numbers::{Spread, rate};
use super::statements::{Algorithm, Issuers};
use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use anyhow::Context;
use ledger::PrivateKey;
use proofs::receipt::{ReceiptClaims, issue_inclusion};
use proofs::{
    Hash, InclusionProof, KeySet, LeafIndex, NodeId, NodeReader, PublicKey, Receipt, SignedStatement, Signer,
    TreeSize, UnixTime, leaf_hash, sha256,
};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::{Duration, Instant};

/// Distinct statements gone through again and again: more than a processor's caches remember branches for.
const STATEMENTS: u64 = 2000;
/// The issuer of the receipts.
const SERVICE: &str = "https://ts.example";

/// Measure the verification of receipts, offline and on one core
///
/// Statements and receipts are made first: real signatures, and proofs as long as those of a log of the size given. Then
/// one thread reads both, folds the proof, verifies the service's signature, and compares issuer and subject; and once
/// more with the issuer's own signature verified too.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    /// What the issuers and the service sign with
    #[arg(long, value_enum, value_name = "ALG", default_value_t = Algorithm::Ed25519)]
    alg: Algorithm,
    /// Entries of the log that the receipts are of
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(4000..=1 << 48))]
    entries: u64,
    /// Bytes of each payload; a statement is about 250 larger
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    payload_bytes: u32,
    /// Seconds that each repetition lasts
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=3600))]
    duration: u16,
    /// How often the measurement is repeated
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repetitions: u16,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let world = World::make(args)?;
    let alone = world.measure(args, false)?;
    let both = world.measure(args, true)?;
    if args.json {
        let spread = |spread: Option<Spread>| spread.map_or(Value::Null, |spread| spread.json());
        console.json(&json!({
            "alg": args.alg.name(),
            "entries": args.entries,
            "receipt_bytes": world.pairs.first().map(|pair| pair.receipt.len()),
            "statement_bytes": world.pairs.first().map(|pair| pair.statement.len()),
            "receipt_alone_per_s": spread(alone),
            "with_issuer_signature_per_s": spread(both),
        }))?;
        return Ok(Exit::Done);
    }
    for (what, found) in [("receipt alone", alone), ("with the issuer's signature", both)] {
        if let Some(Spread { median, min, max }) = found {
            console.line(format_args!("{what:28}  {median:.0} a second ({min:.0} to {max:.0})"))?;
        }
    }
    Ok(Exit::Done)
}

/// What a verifier is handed.
struct Pair {
    statement: Vec<u8>,
    receipt: Vec<u8>,
    issuer: PublicKey,
}

struct World {
    pairs: Vec<Pair>,
    keys: KeySet,
}

/// A tree whose every node is made up, and none of whose leaves is ours; only the paths matter.
struct MadeUp;

impl NodeReader for MadeUp {
    type Error = Infallible;

    fn read(&self, ids: &[NodeId]) -> Result<Vec<Hash>, Infallible> {
        Ok(ids.iter().map(|id| sha256(format!("{id:?}").as_bytes())).collect())
    }
}

impl World {
    fn make(args: &Args) -> Result<Self, Failure> {
        let bytes = usize::try_from(args.payload_bytes).unwrap_or(usize::MAX);
        let issuers = Issuers::generate(4, args.alg, bytes)?;
        let known = issuers.admissible();
        let service = PrivateKey::generate(args.alg.key()).context("cannot make a key")?;
        let pair = |(n, statement): (u64, Vec<u8>)| -> Result<Pair, Failure> {
            let parsed =
                SignedStatement::parse(&statement, statement.len()).context("a statement of our own")?;
            let issuer = known.iter().find(|issuer| issuer.name == parsed.header().issuer);
            let issuer = issuer.ok_or_else(|| Failure::local("a statement of nobody"))?;
            let index = LeafIndex::new(n.saturating_mul(args.entries / STATEMENTS));
            let receipt = receipt(&parsed, index, TreeSize::new(args.entries), &service)?;
            Ok(Pair { statement, receipt, issuer: issuer.key.clone() })
        };
        let pairs = (0..).zip(issuers.sign(0, STATEMENTS)?).map(pair).collect::<Result<_, _>>()?;
        Ok(Self { pairs, keys: KeySet::new([service.public_key().clone()]) })
    }

    /// How many are verified a second, one repetition after the other.
    fn measure(&self, args: &Args, with_issuer: bool) -> Result<Option<Spread>, Failure> {
        let mut rates = Vec::new();
        for _ in 0..args.repetitions {
            let (start, limit) = (Instant::now(), Duration::from_secs(u64::from(args.duration)));
            let mut verified = 0_u64;
            while start.elapsed() < limit {
                for pair in &self.pairs {
                    verify(pair, &self.keys, with_issuer).map_err(Failure::refused)?;
                    verified = verified.saturating_add(1);
                }
            }
            rates.push(rate(verified, start.elapsed()));
        }
        Ok(Spread::of(rates))
    }
}

fn receipt(
    statement: &SignedStatement,
    index: LeafIndex,
    size: TreeSize,
    service: &PrivateKey,
) -> Result<Vec<u8>, Failure> {
    let proof = InclusionProof::prove(index, size, &MadeUp).context("no proof of a made-up tree")?;
    let leaf = leaf_hash(statement.entry_id().as_bytes());
    let root = proof.root(&leaf).context("no root of a made-up tree")?;
    let claims = ReceiptClaims {
        issuer: SERVICE.to_owned(),
        subject: statement.header().subject.clone(),
        issued_at: Some(UnixTime::from_secs(1_800_000_000)),
    };
    Ok(issue_inclusion(&claims, &proof, &leaf, &root, service).context("no receipt of a made-up tree")?)
}

/// Everything that a verifier must look at (ARCH-43), and nothing for people to read.
fn verify(pair: &Pair, keys: &KeySet, with_issuer: bool) -> Result<(), String> {
    let statement =
        SignedStatement::parse(&pair.statement, pair.statement.len()).map_err(|error| error.to_string())?;
    let receipt = Receipt::parse(&pair.receipt).map_err(|error| error.to_string())?;
    let key = keys.iter().find(|key| receipt.kid() == Some(key.thumbprint().as_bytes().as_slice()));
    let key = key.ok_or("the receipt names no key of the service")?;
    receipt.verify_inclusion(statement.entry_id().as_bytes(), key).map_err(|error| error.to_string())?;
    let claims = receipt.claims().ok_or("the receipt has no claims")?;
    if claims.issuer != SERVICE || claims.subject != statement.header().subject {
        return Err("the receipt is about something else".to_owned());
    }
    if with_issuer {
        statement.check_signature(&pair.issuer).map_err(|error| error.to_string())?;
    }
    Ok(())
}
