//! `stele policy show`.

use super::ShowArgs;
use super::in_force::{InForce, Registered, Retired, fetch};
use crate::console::{Console, printable};
use crate::failure::Failure;
use crate::http::Client;
use ledger::policy::{IssuerMatch, Rule};
use ledger::trust::Material;
use serde_json::Value;

pub(super) fn run(args: &ShowArgs, console: &mut Console<'_>) -> Result<(), Failure> {
    let bytes = fetch(&Client::of(&args.service)?)?;
    let in_force = InForce::parse(&bytes)?;
    if args.json || args.document {
        let whole: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::refused(format_args!("not JSON: {error}")))?;
        let part = if args.document { whole.pointer("/policy/document") } else { Some(&whole) };
        return console.json(part.unwrap_or(&Value::Null));
    }
    console.line(text(&in_force))
}

pub(super) fn text(in_force: &InForce) -> String {
    let InForce { log_id, iss, origin, policy, anchors } = in_force;
    let document = &policy.document;
    let algorithms: Vec<_> = document.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let mut lines = vec![
        format!("log id      {log_id}"),
        format!("issuer      {}", printable(iss)),
        format!("origin      {}", printable(origin)),
        format!("policy      at index {}, entry {}", policy.index, policy.entry_id),
        format!("  operator    {} (kid)", document.operator.thumbprint()),
        format!("  algorithms  {}", algorithms.join(" ")),
        format!("  statements  at most {} bytes", document.max_statement_bytes),
    ];
    if document.rules.is_empty() {
        lines.push("  no rules: nobody but the operator may register".to_owned());
    }
    for rule in &document.rules {
        lines.extend(rule_lines(rule));
    }
    lines.push(format!("anchors     at index {}, entry {}", anchors.index, anchors.entry_id));
    if anchors.in_force.is_empty() {
        lines.push("  none in force".to_owned());
    }
    lines.extend(anchors.in_force.iter().map(anchor_line));
    lines.extend(
        anchors
            .retired
            .iter()
            .map(|Retired { id, from, to }| format!("  {id}  from index {from}, retired: to index {to}")),
    );
    lines.join("\n")
}

fn rule_lines(rule: &Rule) -> Vec<String> {
    let mut lines = vec![format!("  rule        {}", printable(&rule.name))];
    for issuer in &rule.issuers {
        let (how, name) = match issuer {
            IssuerMatch::Exact(name) => ("", String::from(name.clone())),
            IssuerMatch::Prefix(prefix) => (" and below", String::from(prefix.clone())),
        };
        lines.push(format!("    issuer      {}{how}", printable(&name)));
    }
    for anchor in &rule.anchors {
        lines.push(format!("    anchor      {anchor}"));
    }
    for method in &rule.self_certified {
        lines.push(format!("    key in name {method}"));
    }
    // The rest is rare and best read as it is written.
    if let Ok(Value::Object(members)) = serde_json::to_value(rule) {
        let shown = ["name", "issuers", "anchors", "self_certified"];
        let rest = members.iter().filter(|(name, _)| !shown.contains(&name.as_str()));
        lines.extend(rest.map(|(name, value)| format!("    {name}  {}", printable(&value.to_string()))));
    }
    lines
}

fn anchor_line(registered: &Registered) -> String {
    let Registered { anchor, from } = registered;
    let what = match anchor.material() {
        Material::Key(key) => format!("key {}", key.public_key().thumbprint()),
        Material::Root(root) => format!("root certificate with SHA-256 {}", proofs::sha256(root.der())),
    };
    format!("  {}  {what}, from index {from}", anchor.id())
}
