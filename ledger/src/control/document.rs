//! Reading and judging control statements.

use std::sync::Arc;

use proofs::manifest::{CollateralManifest, MANIFEST_CT};
use proofs::{ContentType, EntryId, SignedStatement, StatementHeader, TreeHead};

use super::fault::ControlFault;
use super::genesis::{Genesis, LogIdentity};
use super::headers::{self, acceptance_label, follows_label, log_label};
use super::notice::{Erasure, Incident};
use super::{
    ANCHORS_CT, ANCHORS_SUBJECT, ERASURE_CT, ERASURE_SUBJECT, GENESIS_CT, GENESIS_SUBJECT, INCIDENT_CT,
    INCIDENT_SUBJECT, MANIFEST_SUBJECT, POLICY_CT, POLICY_SUBJECT,
};
use crate::governance::{GovernanceError, shown};
use crate::policy::Policy;
use crate::trace_batch::BATCH_CT;
use crate::trust::{AnchorIncrement, AnchorSet};

/// The media type tree that belongs to control statements.
const RESERVED_TREE: &str = "application/vnd.stele.";

/// What a control statement changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// The registration policy, as a whole.
    Policy,
    /// The trust anchors, by an increment.
    Anchors,
    /// No rule: one statement is erased (D20).
    Erasure,
    /// No rule: the log goes on after it was restored (D11).
    Incident,
}

/// A change that has been judged and takes effect after its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlChange {
    change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Policy(Arc<Policy>),
    Anchors(Arc<AnchorIncrement>),
    /// The entry that is erased.
    Erasure(EntryId),
    /// The head that the log was restored to.
    Incident(TreeHead),
}

impl ControlChange {
    /// What it changes.
    pub fn kind(&self) -> ControlKind {
        match self.change {
            Change::Policy(_) => ControlKind::Policy,
            Change::Anchors(_) => ControlKind::Anchors,
            Change::Erasure(_) => ControlKind::Erasure,
            Change::Incident(_) => ControlKind::Incident,
        }
    }

    pub(crate) fn change(&self) -> &Change {
        &self.change
    }
}

/// What a statement's content type claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlType {
    Genesis,
    Policy,
    Anchors,
    Erasure,
    Incident,
    /// Not the operator's: the registrar signs it.
    Manifest,
    /// The registrar's too.
    TraceBatch,
    Unknown,
}

impl ControlType {
    /// `None` for everything outside the reserved tree. Parameters and case are looked through, and so is a hash
    /// envelope, so that nothing that anybody could take for a control statement is admitted as something else.
    pub(crate) fn of(header: &StatementHeader) -> Option<Self> {
        let preimage = header.envelope.as_ref().and_then(|envelope| envelope.preimage_content_type.as_ref());
        let types = [header.content_type.as_ref(), preimage];
        types.into_iter().flatten().find_map(Self::of_type)
    }

    /// Whether it is one that is replayed when the log opens.
    pub(crate) const fn governs(self) -> bool {
        matches!(self, Self::Genesis | Self::Policy | Self::Anchors)
    }

    pub(crate) fn of_type(content_type: &ContentType) -> Option<Self> {
        let ContentType::Text(name) = content_type else { return None };
        let essence = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !essence.starts_with(RESERVED_TREE) {
            return None;
        }
        Some(match essence.as_str() {
            GENESIS_CT => Self::Genesis,
            POLICY_CT => Self::Policy,
            ANCHORS_CT => Self::Anchors,
            ERASURE_CT => Self::Erasure,
            INCIDENT_CT => Self::Incident,
            MANIFEST_CT => Self::Manifest,
            BATCH_CT => Self::TraceBatch,
            _ => Self::Unknown,
        })
    }
}

/// What a control statement is judged by.
pub(crate) struct Force<'a> {
    pub(crate) identity: &'a LogIdentity,
    pub(crate) policy: &'a Policy,
    pub(crate) policy_id: EntryId,
    pub(crate) anchors: &'a AnchorSet,
    pub(crate) anchors_id: EntryId,
}

/// What can be told before the signature is verified: the right log, the right place, the right key named. Another
/// log comes first, because all else would follow from it.
pub(crate) fn check_place(
    kind: ControlType,
    statement: &SignedStatement,
    force: &Force<'_>,
) -> Result<ControlKind, ControlFault> {
    let (kind, content_type, subject, in_force) = match kind {
        ControlType::Genesis => return Err(ControlFault::LaterGenesis),
        ControlType::Manifest | ControlType::TraceBatch | ControlType::Unknown => {
            return Err(unknown_type(statement.header()));
        }
        ControlType::Policy => (ControlKind::Policy, POLICY_CT, POLICY_SUBJECT, Some(force.policy_id)),
        ControlType::Anchors => (ControlKind::Anchors, ANCHORS_CT, ANCHORS_SUBJECT, Some(force.anchors_id)),
        ControlType::Erasure => (ControlKind::Erasure, ERASURE_CT, ERASURE_SUBJECT, None),
        ControlType::Incident => (ControlKind::Incident, INCIDENT_CT, INCIDENT_SUBJECT, None),
    };
    let header = statement.header();
    check_log(header, force.identity)?;
    check_form(header, content_type, subject)?;
    if header.issuer != force.identity.genesis.issuer {
        return Err(ControlFault::Issuer { expected: force.identity.genesis.issuer.clone() });
    }
    let follows = headers::entry_id(header, &follows_label()).ok_or(ControlFault::NoFollows)?;
    if let Some(in_force) = in_force.filter(|in_force| *in_force != follows) {
        return Err(ControlFault::Superseded { found: follows, in_force });
    }
    check_key(header, &force.policy.operator)?;
    Ok(kind)
}

/// What can be told of a collateral manifest from itself alone: the right log, the right form. Whether it continues the
/// one before it is for the sequencer to tell, and whether it tells the truth, for the auditor.
pub(crate) fn check_manifest(
    statement: &SignedStatement,
    identity: &LogIdentity,
) -> Result<(), ControlFault> {
    check_tied(statement, identity, MANIFEST_CT, MANIFEST_SUBJECT)?;
    CollateralManifest::decode(statement.payload())?;
    Ok(())
}

/// Whether a statement of the registrar about the log itself is tied to this log and to a place in it.
pub(crate) fn check_tied(
    statement: &SignedStatement,
    identity: &LogIdentity,
    content_type: &'static str,
    subject: &'static str,
) -> Result<(), ControlFault> {
    let header = statement.header();
    check_log(header, identity)?;
    check_form(header, content_type, subject)?;
    headers::entry_id(header, &follows_label()).ok_or(ControlFault::NoFollows)?;
    Ok(())
}

fn check_log(header: &StatementHeader, identity: &LogIdentity) -> Result<(), ControlFault> {
    let log = headers::entry_id(header, &log_label()).ok_or(ControlFault::NoLog)?;
    if log == identity.log_id {
        return Ok(());
    }
    Err(ControlFault::AnotherLog { found: log, expected: identity.log_id })
}

/// Reads the document and checks it against what is in force. Called once the signature has verified, so that only
/// the operator can make the service read much.
pub(crate) fn read_change(
    kind: ControlKind,
    statement: &SignedStatement,
    force: &Force<'_>,
) -> Result<ControlChange, ControlFault> {
    let change = match kind {
        ControlKind::Anchors => {
            let increment = AnchorIncrement::from_json(statement.payload())?;
            force.anchors.check(&increment)?;
            Change::Anchors(Arc::new(increment))
        }
        ControlKind::Policy => {
            let policy = Policy::from_json(statement.payload())?;
            for rule in &policy.rules {
                if let Some(anchor) = rule.anchors.iter().find(|id| force.anchors.get(id).is_none()) {
                    return Err(ControlFault::UnknownAnchor {
                        rule: rule.name.clone(),
                        anchor: anchor.clone(),
                    });
                }
            }
            check_operator(&policy, statement, force)?;
            Change::Policy(Arc::new(policy))
        }
        // Whether there is such an entry, or such a head, is for the sequencer to tell.
        ControlKind::Erasure => {
            let entry = Erasure::from_json(statement.payload())?.entry;
            if headers::entry_id(statement.header(), &follows_label()) != Some(entry) {
                return Err(ControlFault::ErasureTarget);
            }
            Change::Erasure(entry)
        }
        ControlKind::Incident => Change::Incident(Incident::from_json(statement.payload())?.head),
    };
    Ok(ControlChange { change })
}

fn check_operator(
    policy: &Policy,
    statement: &SignedStatement,
    force: &Force<'_>,
) -> Result<(), ControlFault> {
    let new = &policy.operator;
    if new.thumbprint() == force.policy.operator.thumbprint() {
        return Ok(());
    }
    let genesis = &force.identity.genesis;
    for (role, key) in [
        ("receipts", &genesis.receipts),
        ("checkpoints", &genesis.checkpoints),
        ("registrar", &genesis.registrar),
    ] {
        if key.thumbprint() == new.thumbprint() {
            return Err(ControlFault::SharedKey { role });
        }
    }
    let header = statement.header();
    let acceptance = header.extra(&acceptance_label()).ok_or(ControlFault::NotAccepted)?;
    let (log_id, follows) = (&force.identity.log_id, &force.policy_id);
    if !headers::is_accepted(log_id, follows, statement.payload(), new, acceptance) {
        return Err(ControlFault::BadAcceptance);
    }
    Ok(())
}

/// Reads the statement of index 0. Its signature is checked by the caller, with the key that it names.
pub(crate) fn read_genesis(statement: &SignedStatement) -> Result<Genesis, GovernanceError> {
    let header = statement.header();
    if ControlType::of(header) != Some(ControlType::Genesis) {
        return Err(GovernanceError::NotGenesis(ControlFault::Type { expected: GENESIS_CT }));
    }
    check_form(header, GENESIS_CT, GENESIS_SUBJECT).map_err(GovernanceError::NotGenesis)?;
    let genesis = Genesis::from_json(statement.payload())?;
    if header.issuer != genesis.issuer {
        return Err(GovernanceError::NotGenesis(ControlFault::Issuer { expected: genesis.issuer }));
    }
    check_key(header, &genesis.operator).map_err(GovernanceError::NotGenesis)?;
    Ok(genesis)
}

fn check_form(
    header: &StatementHeader,
    content_type: &'static str,
    subject: &'static str,
) -> Result<(), ControlFault> {
    if header.envelope.is_some() {
        return Err(ControlFault::NotAttached);
    }
    match &header.content_type {
        Some(ContentType::Text(found)) if found == content_type => {}
        _ => return Err(ControlFault::Type { expected: content_type }),
    }
    if header.subject != subject {
        return Err(ControlFault::Subject { expected: subject });
    }
    Ok(())
}

/// The operator is known by thumbprint, and by nothing else (ARCH-13).
fn check_key(header: &StatementHeader, operator: &proofs::PublicKey) -> Result<(), ControlFault> {
    let expected = operator.thumbprint();
    let by_kid = header.kid.as_deref() == Some(expected.as_bytes().as_slice());
    let by_certificate = header.x5t.is_some() || (header.x5chain_protected && !header.x5chain.is_empty());
    if by_kid && !by_certificate {
        return Ok(());
    }
    Err(ControlFault::NotTheOperator { expected: expected.to_string() })
}

fn unknown_type(header: &StatementHeader) -> ControlFault {
    let content_type = match &header.content_type {
        Some(ContentType::Text(name)) => shown(name),
        _ => RESERVED_TREE.to_owned(),
    };
    ControlFault::UnknownType { content_type }
}
