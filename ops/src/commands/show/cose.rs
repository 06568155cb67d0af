//! COSE things in words: statements, receipts, keys.

use super::json;
use super::node::{Node, Parts};
use super::value;
use data_encoding::HEXLOWER;
use proofs::cose::label::{self, Label};
use proofs::cose::sign1::{Headers, Sign1};
use proofs::{
    ContentType, KeySet, Proof, PublicKey, Receipt, SignedStatement, StatementHeader, TransparentStatement,
    cbor,
};

/// Longest payload that is laid out.
const MAX_PAYLOAD: usize = 256 * 1024;

/// A COSE_Sign1: receipt, transparent statement or statement.
pub(super) fn message(bytes: &[u8]) -> Result<(&'static str, Node), String> {
    let message = Sign1::parse(bytes).map_err(|error| error.to_string())?;
    if message.header.int(label::VDS).is_some() {
        return Ok(("receipt", receipt(bytes, &message)));
    }
    let statement = SignedStatement::parse(bytes, bytes.len());
    let mut parts = Parts::default();
    match &statement {
        Ok(statement) => parts.text("entry id", statement.entry_id().to_string()),
        Err(error) => parts.text("not registrable", error.to_string()),
    };
    parts.add("protected header (signed)", headers(&message.header));
    let transparent = TransparentStatement::parse(bytes, bytes.len()).ok();
    let unprotected = headers_without(&message.unprotected, transparent.is_some().then_some(label::RECEIPTS));
    if let Some(unprotected) = unprotected {
        parts.add("unprotected header (not signed)", unprotected);
    }
    parts.add("payload", payload(statement.as_ref().ok(), message.payload));
    parts.text("signature", signature(message.signature));
    let Some(transparent) = transparent else { return Ok(("signed statement", parts.done())) };
    for (index, inner) in transparent.receipt_bytes.iter().enumerate() {
        let node = match Sign1::parse(inner) {
            Ok(message) => receipt(inner, &message),
            Err(error) => Node::text(format!("no receipt: {error}")),
        };
        parts.add(format!("receipt {}", index.saturating_add(1)), node);
    }
    Ok(("transparent statement", parts.done()))
}

fn headers(headers: &Headers<'_>) -> Node {
    headers_without(headers, None).unwrap_or_else(|| Node::text("empty"))
}

fn headers_without(headers: &Headers<'_>, except: Option<i64>) -> Option<Node> {
    let mut parts = Parts::default();
    let mut any = false;
    let left_out = except.map(Label::Int);
    for (label, field) in headers.iter().filter(|(label, _)| left_out.as_ref() != Some(*label)) {
        any = true;
        parts.add(label.to_string(), value::header(label, &field.value()));
    }
    any.then(|| parts.done())
}

fn signature(bytes: &[u8]) -> String {
    format!("{} bytes, {}", bytes.len(), value::hex(bytes))
}

fn payload(statement: Option<&SignedStatement>, payload: Option<&[u8]>) -> Node {
    let Some(bytes) = payload else { return Node::text("detached (nil)") };
    let mut parts = Parts::default();
    parts.add("bytes", Node::number(u64::try_from(bytes.len()).unwrap_or(u64::MAX), ""));
    let header = statement.map(SignedStatement::header);
    if let Some(envelope) = header.and_then(|header| header.envelope.as_ref()) {
        let digest = HEXLOWER.encode(bytes);
        parts.text(
            "digest",
            format!("{} {digest} of content kept elsewhere", value::digest_name(envelope.hash_alg)),
        );
        return parts.done();
    }
    parts.add("content", content(header, bytes));
    parts.done()
}

fn content(header: Option<&StatementHeader>, bytes: &[u8]) -> Node {
    let kind = header.and_then(|header| header.content_type.as_ref());
    let named = |ends: &str| match kind {
        Some(ContentType::Text(text)) => {
            text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().ends_with(ends)
        }
        _ => false,
    };
    let (json_id, cbor_id) = (Some(&ContentType::Id(50)), Some(&ContentType::Id(60)));
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_PAYLOAD);
    if let Some(text) = text {
        if (named("json") || kind == json_id)
            && let Some(page) = json::pretty(text)
        {
            return Node::block(&page);
        }
        if matches!(kind, Some(ContentType::Text(kind)) if kind.starts_with("text/")) {
            return Node::block(text);
        }
    }
    if (named("cbor") || kind == cbor_id)
        && let Ok(value) = cbor::decode(bytes)
    {
        return value::any(&value, 0);
    }
    Node::text(value::hex(bytes))
}

/// A receipt, proof and all. The root is not in it: it follows from the entry.
pub(super) fn receipt(bytes: &[u8], message: &Sign1<'_>) -> Node {
    let mut parts = Parts::default();
    parts.add("protected header (signed)", headers(&message.header));
    match Receipt::parse(bytes) {
        Ok(receipt) => {
            for proof in receipt.proofs() {
                parts.add(format!("{} proof (not signed)", proof.name()), self::proof(proof));
            }
        }
        Err(error) => {
            parts.text("cannot be verified", error.to_string());
            parts.add("unprotected header (not signed)", headers(&message.unprotected));
        }
    }
    let payload = message.payload.map_or_else(|| "detached: the root of the tree".to_owned(), value::hex);
    parts.text("payload", payload);
    parts.text("signature", signature(message.signature));
    parts.done()
}

fn proof(proof: &Proof) -> Node {
    let mut parts = Parts::default();
    let path = match proof {
        Proof::Inclusion(proof) => {
            parts.add("tree size", Node::number(proof.size.get(), ""));
            parts.add("leaf index", Node::number(proof.index.get(), ""));
            &proof.path
        }
        Proof::Consistency(proof) => {
            parts.add("older tree size", Node::number(proof.old.get(), ""));
            parts.add("newer tree size", Node::number(proof.new.get(), ""));
            &proof.path
        }
    };
    let path: Vec<_> = path.iter().map(ToString::to_string).collect();
    parts.add("path", Node::Block(path));
    parts.done()
}

/// The keys of a set.
pub(super) fn key_set(set: &KeySet) -> Node {
    let mut parts = Parts::default();
    for (index, key) in set.iter().enumerate() {
        parts.add(format!("key {}", index.saturating_add(1)), self::key(key));
    }
    if set.skipped() > 0 {
        parts.text("skipped", format!("{} keys that Stele cannot read", set.skipped()));
    }
    parts.done()
}

/// One public key.
pub(super) fn key(key: &PublicKey) -> Node {
    let mut parts = Parts::default();
    parts.text("type", key.key_type_name());
    parts.text("alg", key.algorithm().map_or("any that fits", proofs::Algorithm::name));
    parts.text("kid", key.thumbprint().to_string());
    parts.text("COSE_Key", HEXLOWER.encode(&key.to_cose()));
    parts.done()
}
