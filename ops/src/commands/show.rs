//! `stele show`: what is in a file, for a person.

mod cose;
mod json;
mod node;
#[cfg(test)]
mod tests;
mod value;

use crate::console::Console;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::files;
use crate::keys;
use data_encoding::HEXLOWER;
use node::{Node, Parts};
use proofs::{Checkpoint, KeySet, PublicKey, SignedNote, cbor};
use serde_json::json;
use std::path::PathBuf;

/// Show what is in a statement, receipt, transparent statement, key, key set or checkpoint
///
/// Finds out by itself what the file is. Nothing is verified here: see stele verify. Private keys are never printed,
/// only their public halves.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let bytes = files::read(&args.file)?;
    let (kind, node) = recognise(&bytes).map_err(|why| {
        Failure::refused(format_args!("{}: {why}", args.file.display())).hint(
            "stele show reads statements, receipts, transparent statements, keys, key sets and checkpoints",
        )
    })?;
    if args.json {
        console.json(&json!({ "kind": kind, "bytes": bytes.len(), "content": node.json() }))?;
        return Ok(Exit::Done);
    }
    let mut lines = vec![format!("{kind}, {} bytes", bytes.len())];
    node.render(1, &mut lines);
    console.line(lines.join("\n"))?;
    Ok(Exit::Done)
}

/// What the bytes are, and what is in them.
fn recognise(bytes: &[u8]) -> Result<(&'static str, Node), String> {
    if let Some(found) = std::str::from_utf8(bytes).ok().and_then(|text| text_kind(text, bytes)) {
        return Ok(found);
    }
    // Tag 18, in whatever length its head is: a message is meant, so its own error is the useful one.
    if matches!(bytes.first(), Some(0xd2 | 0xd8)) {
        return cose::message(bytes);
    }
    if let Ok(key) = PublicKey::from_cose(bytes) {
        return Ok(("COSE key", cose::key(&key)));
    }
    if let Ok(set) = KeySet::parse(bytes)
        && !set.is_empty()
    {
        return Ok(("COSE key set", cose::key_set(&set)));
    }
    match cbor::decode(bytes) {
        Ok(value) => Ok(("CBOR, of no kind that Stele knows", value::any(&value, 0))),
        Err(error) => Err(format!("it is neither text nor CBOR that Stele can read: {error}")),
    }
}

fn text_kind(text: &str, bytes: &[u8]) -> Option<(&'static str, Node)> {
    if let Ok(note) = SignedNote::parse(text) {
        return Some(note_node(&note));
    }
    let kind = if text.contains("PRIVATE KEY") { "private key; its public half" } else { "public key" };
    keys::public_from(bytes)
        .filter(|_| text.contains("-----BEGIN") || text.trim_start().starts_with('{'))
        .map(|key| (kind, cose::key(&key)))
}

fn note_node(note: &SignedNote) -> (&'static str, Node) {
    let mut parts = Parts::default();
    let kind = match Checkpoint::parse(note.text()) {
        Ok(checkpoint) => {
            parts.text("origin", checkpoint.origin.as_str());
            parts.add("tree size", Node::number(checkpoint.head.size.get(), ""));
            parts.text("root", checkpoint.head.root.to_string());
            "checkpoint"
        }
        Err(_) => {
            parts.add("text", Node::block(note.text()));
            "signed note"
        }
    };
    for signature in note.signatures() {
        let key = HEXLOWER.encode(signature.key_id.as_bytes());
        parts.text("signed by", format!("{} (key id {key}), not verified here", signature.name));
    }
    (kind, parts.done())
}
