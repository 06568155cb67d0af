//! `stele register` with many statements: a result for each, as soon as it is known.

use super::Args;
use crate::console::{Console, printable};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::http::Client;
use crate::submit::{Fate, Patience, Surroundings, submit_many};
use anyhow::Context;
use ledger::{Clock, SystemClock};
use proofs::{EntryId, Proof, Receipt, SignedStatement, cbor};
use serde_json::json;
use std::cell::RefCell;
use std::path::PathBuf;

/// One statement of those named on the command line.
pub(super) struct Item {
    /// Its file, and its number there if the file holds several.
    name: String,
    bytes: Vec<u8>,
    id: Option<EntryId>,
}

impl Item {
    fn new(name: String, bytes: &[u8]) -> Self {
        let id = SignedStatement::parse(bytes, bytes.len()).ok().map(|statement| statement.entry_id());
        Self { name, bytes: bytes.to_vec(), id }
    }
}

/// The statements in a file: what it holds is a CBOR sequence, of one item or more.
pub(super) fn items(name: &str, bytes: &[u8]) -> Result<Vec<Item>, Failure> {
    let ranges: Vec<_> = cbor::sequence(bytes)
        .collect::<Result<_, _>>()
        .map_err(|fault| Failure::local(format_args!("{name} is no sequence of CBOR items: {fault}")))?;
    let several = ranges.len() > 1;
    let mut items = Vec::with_capacity(ranges.len());
    for (number, range) in ranges.into_iter().enumerate() {
        let name = if several { format!("{name}#{}", number.saturating_add(1)) } else { name.to_owned() };
        items.push(Item::new(name, bytes.get(range).unwrap_or_default()));
    }
    Ok(items)
}

/// How many statements ended in each way.
#[derive(Default)]
struct Counts {
    registered: usize,
    refused: usize,
    open: usize,
}

impl Counts {
    /// What is open may still become anything, so it goes before what is decided.
    const fn exit(&self) -> Exit {
        match (self.open, self.refused) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Refused,
            _ => Exit::Unreachable,
        }
    }
}

pub(super) fn run(args: &Args, items: &[Item], console: &mut Console<'_>) -> Result<Exit, Failure> {
    check(args)?;
    if items.is_empty() {
        return Err(Failure::local("there is no statement in what was named"));
    }
    if let Some(folder) = &args.output_dir {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let client = Client::of(&args.service)?;
    let statements: Vec<&[u8]> = items.iter().map(|item| item.bytes.as_slice()).collect();
    let mut counts = Counts::default();
    let console = RefCell::new(console);
    let told = submit_many(
        &client,
        &statements,
        !args.no_wait,
        &Patience::from(&args.patience),
        &mut Surroundings {
            sleep: &mut |pause| std::thread::sleep(pause),
            now: &|| SystemClock.now(),
            say: &mut |text| console.borrow_mut().say(text),
        },
        &mut |at, fate| match items.get(at) {
            Some(item) => tell(args, at, item, fate, &mut counts, &mut console.borrow_mut()),
            None => Ok(()),
        },
    );
    let console = console.into_inner();
    let Counts { registered, refused, open } = counts;
    console.say(format_args!("{registered} registered, {refused} refused, {open} undecided"));
    told?;
    if open > 0 {
        console.say("  hint: run the command again; what is registered already is not registered twice");
    }
    Ok(counts.exit())
}

fn check(args: &Args) -> Result<(), Failure> {
    if args.transparent.is_some() {
        return Err(Failure::local("--transparent takes one statement").hint(
            "register with --output-dir; stele show and stele verify take statement and receipt apart too",
        ));
    }
    if args.output.is_some() {
        return Err(Failure::local("--output takes one receipt").hint("name a folder with --output-dir"));
    }
    if args.output_dir.is_none() && !args.no_wait {
        return Err(Failure::local("many statements have many receipts")
            .hint("name a folder for them with --output-dir, or leave without them with --no-wait"));
    }
    Ok(())
}

fn tell(
    args: &Args,
    at: usize,
    item: &Item,
    fate: Fate,
    counts: &mut Counts,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let id = item.id.map(|id| id.to_string());
    let (mut written, mut place, mut location, mut problem) = (None, None, None, None);
    let result = match fate {
        Fate::Registered(receipt) => {
            counts.registered = counts.registered.saturating_add(1);
            place = position(&receipt);
            if let Some(folder) = &args.output_dir {
                let path = folder.join(receipt_name(item, at));
                files::write(&path, &receipt)?;
                written = Some(path);
            }
            "registered"
        }
        Fate::Accepted(url) => {
            counts.registered = counts.registered.saturating_add(1);
            location = Some(url);
            "accepted"
        }
        Fate::Refused(why) => {
            counts.refused = counts.refused.saturating_add(1);
            problem = Some(why);
            "refused"
        }
        Fate::Open(why) => {
            counts.open = counts.open.saturating_add(1);
            problem = Some(why);
            "undecided"
        }
    };
    if args.json {
        return console.line(json!({
            "statement": item.name,
            "result": result,
            "entry_id": id,
            "leaf_index": place.map(|(index, _)| index),
            "tree_size": place.map(|(_, size)| size),
            "receipt": written.map(|path| path.display().to_string()),
            "location": location,
            "problem": problem,
        }));
    }
    let id = id.unwrap_or_else(|| "-".to_owned());
    let index = place.map_or_else(|| "-".to_owned(), |(index, _)| index.to_string());
    let more = problem.map_or_else(String::new, |why| format!("  {why}"));
    console.line(format_args!("{result:<10}  {id}  {index}  {}{more}", printable(&item.name)))
}

/// A receipt is named after its entry, so that no two files of a batch can have one name.
fn receipt_name(item: &Item, at: usize) -> PathBuf {
    match item.id {
        Some(id) => format!("{id}.cose").into(),
        None => format!("{}.cose", at.saturating_add(1)).into(),
    }
}

/// Index and size as the receipt has them: not authenticated by its signature (RCPT-19).
fn position(receipt: &[u8]) -> Option<(u64, u64)> {
    match Receipt::parse(receipt).ok()?.proof() {
        Proof::Inclusion(proof) => Some((proof.index.get(), proof.size.get())),
        Proof::Consistency(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_several_items_is_told_apart_by_number() {
        let names = |bytes: &[u8]| -> Vec<String> {
            items("a.cose", bytes).unwrap().into_iter().map(|item| item.name).collect()
        };
        assert_eq!(names(b"\x01"), ["a.cose"]);
        assert_eq!(names(b"\x01\x82\x02\x03"), ["a.cose#1", "a.cose#2"]);
        assert!(names(b"").is_empty());
        let failure = items("a.cose", b"\x01\xff").err().unwrap();
        assert_eq!(failure.exit, Exit::Local);
        assert!(failure.message.starts_with("a.cose is no sequence of CBOR items"), "{}", failure.message);
    }

    #[test]
    fn the_exit_code_names_what_may_still_change_first() {
        let exit = |registered, refused, open| Counts { registered, refused, open }.exit();
        assert_eq!(exit(3, 0, 0), Exit::Done);
        assert_eq!(exit(3, 1, 0), Exit::Refused);
        assert_eq!(exit(3, 1, 1), Exit::Unreachable);
        assert_eq!(exit(0, 0, 1), Exit::Unreachable);
    }
}
