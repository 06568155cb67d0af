//! `stele policy trust`: an anchor and a rule for an issuer, in one go.

use super::Operator;
use super::change::Session;
use super::in_force::InForce;
use crate::commands::sign::certificates;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Failure};
use crate::keys;
use data_encoding::HEXLOWER;
use ledger::policy::{IssuerMatch, MAX_RULE_NAME, Policy, Rule};
use ledger::trust::{Anchor, AnchorError, AnchorId, AnchorIncrement, Material};
use proofs::{PublicKey, sha256};
use std::path::{Path, PathBuf};

/// Let an issuer register: add its key or root certificate as a trust anchor, and a rule for it
///
/// Two signed statements go on the log: one adds the anchor, one the rule. What is in force already is not repeated, so
/// the command can be run again when it was interrupted. With --root the issuer's certificates must name the issuer:
/// as a URI, or for an https issuer as a DNS name.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
#[command(group = clap::ArgGroup::new("anchor").required(true).args(["key", "root"]))]
pub(super) struct Args {
    #[command(flatten)]
    operator: Operator,
    /// Who may register: the iss of the statements
    #[arg(long, value_name = "ISS")]
    issuer: String,
    /// Also every issuer below that URI, by whole components
    #[arg(long)]
    prefix: bool,
    /// The issuer's key: PEM (public or private), COSE_Key or JWK
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The certificate authority of the issuer's certificates, PEM
    #[arg(long, value_name = "CA.pem")]
    root: Option<PathBuf>,
    /// Id of the new anchor [default: made from the key or certificate]
    #[arg(long, value_name = "ANCHOR")]
    anchor_id: Option<String>,
    /// Name of the rule; an existing one gets the anchor added [default: made from the issuer]
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), Failure> {
    let issuer = if args.prefix {
        IssuerMatch::prefix(args.issuer.as_str())
    } else {
        IssuerMatch::exact(args.issuer.as_str())
    }
    .map_err(|error| Failure::local(format_args!("--issuer {}: {error}", args.issuer)))?;
    let material = New::read(args.key.as_deref(), args.root.as_deref())?;
    let session = Session::open(&args.operator, console)?;
    let name = args.rule.clone().unwrap_or_else(|| rule_name(&args.issuer));
    let registered = material.registered(&session.in_force);
    let id =
        registered.clone().map_or_else(|| material.id(args.anchor_id.as_deref(), &session.in_force), Ok)?;
    // Both are decided before either is submitted. The anchor comes first: a rule may only name one that is registered.
    let policy = with_rule(&session.in_force.policy.document, &name, issuer, id.clone())?;
    let mut done = Vec::new();
    if registered.is_none() {
        let anchor = material.anchor(id)?;
        done.push(session.change_anchors(&AnchorIncrement::new(vec![anchor], Vec::new()), console)?);
    }
    if let Some(policy) = policy {
        done.push(session.set_policy(&policy, None, console)?);
    }
    session.tell(&done, console)
}

/// What is to be trusted.
pub(super) enum New {
    Key(PublicKey),
    Root(Vec<u8>),
}

impl New {
    fn read(key: Option<&Path>, root: Option<&Path>) -> Result<Self, Failure> {
        match (key, root) {
            (Some(path), _) => Ok(Self::Key(keys::public(path)?)),
            (None, Some(path)) => {
                let mut chain = certificates(path)?;
                match (chain.pop(), chain.is_empty()) {
                    (Some(der), true) => Ok(Self::Root(der)),
                    _ => Err(Failure::local(format_args!(
                        "{} holds more than one certificate",
                        path.display()
                    ))
                    .hint("give the root alone: the rest of the chain comes with each statement")),
                }
            }
            (None, None) => Err(Failure::local("name what to trust with --key or --root")),
        }
    }

    /// The anchor in force that trusts exactly this already.
    pub(super) fn registered(&self, in_force: &InForce) -> Option<AnchorId> {
        let same = |material: &Material| match (self, material) {
            (Self::Key(key), Material::Key(anchor)) => anchor.public_key().thumbprint() == key.thumbprint(),
            (Self::Root(der), Material::Root(anchor)) => anchor.der() == der.as_slice(),
            _ => false,
        };
        let entries = in_force.anchors.in_force.iter();
        entries
            .map(|entry| &entry.anchor)
            .find(|anchor| anchor.embedded().is_empty() && same(anchor.material()))
            .map(|anchor| anchor.id().clone())
    }

    /// The id asked for, or one that was never used in this log.
    pub(super) fn id(&self, asked: Option<&str>, in_force: &InForce) -> Result<AnchorId, Failure> {
        let make = |text: &str| {
            AnchorId::new(text).map_err(|error| Failure::local(format_args!("--anchor-id {text}: {error}")))
        };
        if let Some(asked) = asked {
            return make(asked);
        }
        let (kind, digest) = match self {
            Self::Key(key) => ("key", HEXLOWER.encode(key.thumbprint().as_bytes())),
            Self::Root(der) => ("root", sha256(der).to_string()),
        };
        let short = format!("{kind}-{}", digest.get(..16).unwrap_or(&digest));
        let anchors = &in_force.anchors;
        let is_taken = |id: &AnchorId| {
            anchors.in_force.iter().any(|entry| entry.anchor.id() == id)
                || anchors.retired.iter().any(|entry| entry.id == *id)
        };
        let mut id = make(&short)?;
        // An id is never used twice in a log, not even for the same key after it was retired.
        for number in 2_u32.. {
            if !is_taken(&id) {
                break;
            }
            id = make(&format!("{short}-{number}"))?;
        }
        Ok(id)
    }

    fn anchor(self, id: AnchorId) -> Result<Anchor, Failure> {
        let anchor = match self {
            Self::Key(key) => Anchor::key(id, key, None),
            Self::Root(der) => Anchor::root(id, der, Vec::new()),
        };
        anchor.map_err(|error: AnchorError| Failure::local(error))
    }
}

/// The policy with a rule of this name that lets this issuer, and nobody else, speak by this anchor; None if it has one
/// already.
///
/// An existing rule about other issuers is left alone: every anchor of a rule speaks for every issuer of it, so adding
/// to it would let strangers speak for each other.
pub(super) fn with_rule(
    policy: &Policy,
    name: &str,
    issuer: IssuerMatch,
    anchor: AnchorId,
) -> Result<Option<Policy>, Failure> {
    let mut policy = policy.clone();
    match policy.rules.iter_mut().find(|rule| rule.name == name) {
        None => policy.rules.push(Rule::new(name, vec![issuer], vec![anchor])),
        Some(rule) if rule.issuers != [issuer] => {
            return Err(Failure::local(format_args!(
                "rule {name:?} is about other issuers, whose keys would speak for this one"
            ))
            .hint("choose another name with --rule"));
        }
        Some(rule) if rule.anchors.contains(&anchor) => return Ok(None),
        Some(rule) => rule.anchors.push(anchor),
    }
    Ok(Some(policy))
}

/// A name for an issuer's rule: the issuer, or for a long one its beginning and digest.
pub(super) fn rule_name(issuer: &str) -> String {
    let plain: String = issuer.chars().filter(|character| !character.is_control()).collect();
    let reserved = plain.starts_with("stele.");
    if plain.chars().count() <= MAX_RULE_NAME && plain == issuer && !reserved {
        return plain;
    }
    let start: String = plain.chars().take(MAX_RULE_NAME / 2).collect();
    let digest = sha256(issuer.as_bytes()).to_string();
    format!("issuer {start} {}", digest.get(..16).unwrap_or(&digest))
}
