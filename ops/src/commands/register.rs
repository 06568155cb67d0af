//! `stele register`: statements in, receipts out.

mod many;

use crate::console::{Console, printable};
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::http::{Client, Service};
use crate::submit::{Patience, PatienceArgs, Submitted, Surroundings, submit};
use ledger::{Clock, SystemClock};
use proofs::{Proof, Receipt, SignedStatement, attach, cbor};
use serde_json::json;
use std::path::PathBuf;

/// Register signed statements and fetch their receipts
///
/// Waits for the receipt, politely: Retry-After is honoured, and tries are spaced out and bounded. Registering the
/// same statement twice is harmless. Works with other transparency services too, older drafts of the API included.
///
/// Several files, or a file that holds several statements one after another (a CBOR sequence), are sent in batches. Then
/// each statement gets a line of its own as soon as it is decided (with --json, an object a line), only what was not
/// decided is sent again, and --wait and --tries begin anew whenever a statement was decided. The exit code is 0 if all
/// were registered, 3 if some are undecided and the command should be run again, and otherwise 1.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    service: Service,
    #[command(flatten)]
    patience: PatienceArgs,
    /// The signed statements, or - for standard input
    #[arg(value_name = "STATEMENT", required = true)]
    statements: Vec<PathBuf>,
    /// Where to write the receipt, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder for the receipts, one file a statement: ENTRY_ID.cose
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    output_dir: Option<PathBuf>,
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
    let mut files = Vec::with_capacity(args.statements.len());
    for path in &args.statements {
        files.push((path.display().to_string(), files::read(path)?));
    }
    match files.as_slice() {
        [(name, bytes)] if args.output_dir.is_none() && cbor::sequence(bytes).nth(1).is_none() => {
            one(args, name, bytes, console)
        }
        _ => {
            let mut items = Vec::new();
            for (name, bytes) in &files {
                items.extend(many::items(name, bytes)?);
            }
            many::run(args, &items, console)
        }
    }
}

fn one(args: &Args, name: &str, bytes: &[u8], console: &mut Console<'_>) -> Result<Exit, Failure> {
    if args.output.is_none() && args.transparent.is_none() && !args.no_wait {
        return Err(Failure::local("nobody said where the receipt should go")
            .hint("name a file with --output or --transparent, or leave without it with --no-wait"));
    }
    let parsed = SignedStatement::parse(bytes, bytes.len());
    if let Err(error) = &parsed {
        console.say(format_args!("note: {name} is no statement that Stele would take: {error}"));
        if args.transparent.is_some() {
            return Err(Failure::local("a receipt cannot be put into it").hint("leave out --transparent"));
        }
    }
    let client = Client::of(&args.service)?;
    let submitted = submit_politely(&client, bytes, !args.no_wait, &args.patience, console)?;
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
