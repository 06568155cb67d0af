//! `stele policy trust-inside`: a key that signatures inside payloads are checked with.

use super::Operator;
use super::change::Session;
use super::trust::New;
use crate::console::Console;
use crate::failure::{EXIT_CODES, Failure};
use crate::keys;
use clap::ValueEnum;
use ledger::profile::System;
use ledger::trust::{Anchor, AnchorIncrement};
use std::path::PathBuf;

/// Let a key vouch for signatures inside payloads: TRACE records, AIGP events, IATP attestations
///
/// One signed statement adds it as a trust anchor. It lets nobody register: that is what stele policy trust is for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(flatten)]
    operator: Operator,
    /// Whose payloads; may be given several times
    #[arg(long = "system", value_name = "SYSTEM", required = true)]
    systems: Vec<SystemName>,
    /// The key: PEM (public or private), COSE_Key or JWK
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The name that payloads give the key: kid of AIGP, signing_key_id of IATP [default: its thumbprint]
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// Id of the new anchor [default: made from the key]
    #[arg(long, value_name = "ANCHOR")]
    anchor_id: Option<String>,
}

/// The systems whose payloads hold signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SystemName {
    Trace,
    Aigp,
    Iatp,
}

impl From<SystemName> for System {
    fn from(name: SystemName) -> Self {
        match name {
            SystemName::Trace => Self::Trace,
            SystemName::Aigp => Self::Aigp,
            SystemName::Iatp => Self::Iatp,
        }
    }
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<(), Failure> {
    let key = keys::public(&args.key)?;
    let mut systems: Vec<System> = args.systems.iter().copied().map(System::from).collect();
    systems.sort_unstable();
    systems.dedup();
    let session = Session::open(&args.operator, console)?;
    let id = New::Key(key.clone()).id(args.anchor_id.as_deref(), &session.in_force)?;
    let anchor = Anchor::embedded_key(id, key, args.kid.clone(), systems).map_err(Failure::local)?;
    // What is in force already is not repeated, so that the command can be run again when it was interrupted.
    let same =
        |known: &Anchor| known.embedded() == anchor.embedded() && known.material() == anchor.material();
    let mut done = Vec::new();
    if !session.in_force.anchors.in_force.iter().any(|entry| same(&entry.anchor)) {
        done.push(session.change_anchors(&AnchorIncrement::new(vec![anchor], Vec::new()), console)?);
    }
    session.tell(&done, console)
}
