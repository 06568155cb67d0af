//! `stele register`: a statement in, a receipt out.

use crate::console::{Console, printable};
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::http::{Client, Service};
use crate::submit::{Patience, PatienceArgs, Submitted, Surroundings, submit};
use ledger::{Clock, SystemClock};
use proofs::{Proof, Receipt, SignedStatement, attach};
use serde_json::json;
use std::path::PathBuf;

/// Register a signed statement and fetch its receipt
///
/// Waits for the receipt, politely: Retry-After is honoured, and tries are spaced out and bounded. Registering the
/// same statement twice is harmless. Works with other transparency services too, older drafts of the API included.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    service: Service,
    #[command(flatten)]
    patience: PatienceArgs,
    /// The signed statement, or - for standard input
    #[arg(value_name = "STATEMENT")]
    statement: PathBuf,
    /// Where to write the receipt, or - for standard output
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["transparent", "no_wait"])]
    output: Option<PathBuf>,
    /// Where to write the statement with its receipt inside
    #[arg(long, value_name = "FILE")]
    transparent: Option<PathBuf>,
    /// Leave as soon as the service accepted it; run the command again later for the receipt
    #[arg(long)]
    no_wait: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let bytes = files::read(&args.statement)?;
    let parsed = SignedStatement::parse(&bytes, bytes.len());
    if let Err(error) = &parsed {
        console.say(format_args!(
            "note: {} is no statement that Stele would take: {error}",
            args.statement.display()
        ));
        if args.transparent.is_some() {
            return Err(Failure::local("a receipt cannot be put into it").hint("leave out --transparent"));
        }
    }
    let client = Client::of(&args.service)?;
    let submitted = submit_politely(&client, &bytes, !args.no_wait, &args.patience, console)?;
    if let Some(receipt) = &submitted.receipt {
        if let Some(path) = &args.output {
            files::write(path, receipt)?;
        }
        if let (Some(path), Ok(statement)) = (&args.transparent, &parsed) {
            files::write(path, &attach(statement, std::slice::from_ref(receipt)))?;
        }
    }
    let result = Outcome::new(args, &submitted, parsed.ok().as_ref());
    if let Some(doubt) = &result.doubt {
        console.say(format_args!("note: what came back is no receipt that Stele can read: {doubt}"));
    }
    if args.output.as_deref() == Some(std::path::Path::new("-")) {
        return Ok(Exit::Done);
    }
    result.print(args.json, console)?;
    Ok(Exit::Done)
}

/// Submits with the real clock and real pauses, telling the console what is waited for.
pub(crate) fn submit_politely(
    client: &Client,
    statement: &[u8],
    wait: bool,
    patience: &PatienceArgs,
    console: &mut Console<'_>,
) -> Result<Submitted, Failure> {
    submit(
        client,
        statement,
        wait,
        &Patience::from(patience),
        &mut Surroundings {
            sleep: &mut |pause| std::thread::sleep(pause),
            now: &|| SystemClock.now(),
            say: &mut |text| console.say(text),
        },
    )
}

/// What to tell about a registration.
struct Outcome {
    entry_id: Option<String>,
    location: Option<String>,
    /// Index and size as the receipt has them: not authenticated by its signature (RCPT-19).
    place: Option<(u64, u64)>,
    doubt: Option<String>,
    output: Option<String>,
    transparent: Option<String>,
    complete: bool,
}

impl Outcome {
    fn new(args: &Args, submitted: &Submitted, statement: Option<&SignedStatement>) -> Self {
        let receipt = submitted.receipt.as_deref().map(Receipt::parse);
        let place = match &receipt {
            Some(Ok(receipt)) => match receipt.proof() {
                Proof::Inclusion(proof) => Some((proof.index.get(), proof.size.get())),
                Proof::Consistency(_) => None,
            },
            _ => None,
        };
        let complete = submitted.receipt.is_some();
        let name = |path: &Option<PathBuf>| {
            path.as_ref().filter(|_| complete).map(|path| path.display().to_string())
        };
        Self {
            entry_id: statement.map(|statement| statement.entry_id().to_string()),
            location: submitted.location.as_ref().map(ToString::to_string),
            place,
            doubt: receipt.and_then(Result::err).map(|error| error.to_string()),
            output: name(&args.output),
            transparent: name(&args.transparent),
            complete,
        }
    }

    fn print(&self, json: bool, console: &mut Console<'_>) -> Result<(), Failure> {
        if json {
            return console.json(&json!({
                "registered": self.complete,
                "entry_id": self.entry_id,
                "location": self.location,
                "leaf_index": self.place.map(|(index, _)| index),
                "tree_size": self.place.map(|(_, size)| size),
                "receipt": self.output,
                "transparent": self.transparent,
            }));
        }
        console.line(if self.complete { "registered" } else { "accepted; the receipt is still to come" })?;
        if let Some(id) = &self.entry_id {
            console.line(format_args!("entry id     {id}"))?;
        }
        if let Some((index, size)) = self.place {
            console.line(format_args!("leaf index   {index} in a tree of {size}"))?;
        }
        if let Some(location) = &self.location {
            console.line(format_args!("location     {}", printable(location)))?;
        }
        if let Some(path) = &self.output {
            console.line(format_args!("receipt      {path}"))?;
        }
        if let Some(path) = &self.transparent {
            console.line(format_args!("transparent  {path}"))?;
        }
        Ok(())
    }
}
