//! Making control statements: for a new log, and for the operator's command line.

use proofs::{ContentType, EntryId, SignFailed, SignedStatement, Signer, StatementBuilder, StatementError};

use super::genesis::{Genesis, GenesisError, LogIdentity};
use super::headers::{self, acceptance_label, entry_id_value, follows_label, log_label};
use super::notice::{Erasure, Incident, NoticeError};
use super::{
    ANCHORS_CT, ANCHORS_SUBJECT, ERASURE_CT, ERASURE_SUBJECT, GENESIS_CT, GENESIS_SUBJECT, INCIDENT_CT,
    INCIDENT_SUBJECT, POLICY_CT, POLICY_SUBJECT,
};
use crate::policy::{MAX_STATEMENT_BYTES, Policy, PolicyError};
use crate::trust::{AnchorIncrement, AnchorsError};

/// The log that a control statement is for, as `GET /policy` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRef<'a> {
    /// The entry id of the genesis statement.
    pub log_id: EntryId,
    /// The `iss` of the service.
    pub issuer: &'a str,
}

impl<'a> From<&'a LogIdentity> for LogRef<'a> {
    fn from(identity: &'a LogIdentity) -> Self {
        Self { log_id: identity.log_id, issuer: &identity.genesis.issuer }
    }
}

/// Why a control statement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The genesis document is not usable.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The policy is not usable.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The increment is not usable.
    #[error(transparent)]
    Anchors(#[from] AnchorsError),
    /// The document of an erasure or incident is not usable.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignFailed),
    /// The statement that was just made does not read, for example because it is too large.
    #[error("the statement does not read: {0}")]
    Statement(#[from] StatementError),
    /// The operator key that signs is not the one that the genesis document names.
    #[error("the operator key is not the one that the genesis document names")]
    NotTheOperator,
    /// The policy names another operator key than the one that signs, and that key is not at hand.
    #[error("the policy names a new operator key; give its private key too, so that it can accept")]
    NewOperatorMissing,
    /// The key given to accept is not the one that the policy names.
    #[error("the new operator key is not the one that the policy names")]
    NewOperatorDiffers,
}

/// The statements of index 0, 1 and 2 of a new log: genesis, a policy that admits nobody but the operator, and no
/// trust anchors (D3).
///
/// # Errors
/// [`MakeError`]: above all a genesis document that is not usable, or that names another operator key.
pub fn genesis_statements(genesis: &Genesis, operator: &dyn Signer) -> Result<[Vec<u8>; 3], MakeError> {
    if operator.public_key().thumbprint() != genesis.operator.thumbprint() {
        return Err(MakeError::NotTheOperator);
    }
    let first = StatementBuilder::new(&genesis.issuer, GENESIS_SUBJECT)
        .content_type(ContentType::Text(GENESIS_CT.to_owned()))
        .sign(&genesis.to_json()?, operator)?;
    let log_id = SignedStatement::parse(&first, MAX_STATEMENT_BYTES)?.entry_id();
    let policy = Policy::closed(genesis.operator.clone());
    let log = LogRef { log_id, issuer: &genesis.issuer };
    let policy = policy_statement(log, log_id, &policy, operator, None)?;
    let anchors = AnchorIncrement::new(Vec::new(), Vec::new());
    let anchors = anchors_statement(log, log_id, &anchors, operator)?;
    Ok([first, policy, anchors])
}

/// A policy for a log, to follow the policy with entry id `follows`.
///
/// `operator` is the operator key of the policy in force. If the new policy names another, `new_operator` must be
/// that key; it signs its acceptance.
///
/// # Errors
/// [`MakeError`]: a policy that is not usable, or a new operator key that is not given.
pub fn policy_statement<'a>(
    log: impl Into<LogRef<'a>>,
    follows: EntryId,
    policy: &Policy,
    operator: &dyn Signer,
    new_operator: Option<&dyn Signer>,
) -> Result<Vec<u8>, MakeError> {
    let log = log.into();
    let payload = policy.to_json()?;
    let mut builder = control(log, &follows, POLICY_CT, POLICY_SUBJECT);
    let named = policy.operator.thumbprint();
    if named != operator.public_key().thumbprint() {
        let new = new_operator.ok_or(MakeError::NewOperatorMissing)?;
        if named != new.public_key().thumbprint() {
            return Err(MakeError::NewOperatorDiffers);
        }
        builder = builder.extra(acceptance_label(), headers::accept(&log.log_id, &follows, &payload, new)?);
    }
    finish(builder, &payload, operator)
}

/// An increment of the trust anchors for a log, to follow the increment with entry id `follows`. `operator` is the
/// operator key of the policy in force.
///
/// # Errors
/// [`MakeError`]: an increment that is not usable.
pub fn anchors_statement<'a>(
    log: impl Into<LogRef<'a>>,
    follows: EntryId,
    increment: &AnchorIncrement,
    operator: &dyn Signer,
) -> Result<Vec<u8>, MakeError> {
    let payload = increment.to_json()?;
    finish(control(log.into(), &follows, ANCHORS_CT, ANCHORS_SUBJECT), &payload, operator)
}

/// The erasure of the statement of one entry (D20). `operator` is the operator key of the policy in force.
///
/// # Errors
/// [`MakeError`]: above all a reason that is empty or too long.
pub fn erasure_statement<'a>(
    log: impl Into<LogRef<'a>>,
    erasure: &Erasure,
    operator: &dyn Signer,
) -> Result<Vec<u8>, MakeError> {
    let payload = erasure.to_json()?;
    finish(control(log.into(), &erasure.entry, ERASURE_CT, ERASURE_SUBJECT), &payload, operator)
}

/// The statement with which a restored log goes on (D11); `last` is the last entry of the head that it names.
///
/// # Errors
/// [`MakeError`]: above all a reason that is empty or too long.
pub fn incident_statement<'a>(
    log: impl Into<LogRef<'a>>,
    last: EntryId,
    incident: &Incident,
    operator: &dyn Signer,
) -> Result<Vec<u8>, MakeError> {
    let payload = incident.to_json()?;
    finish(control(log.into(), &last, INCIDENT_CT, INCIDENT_SUBJECT), &payload, operator)
}

fn control(log: LogRef<'_>, follows: &EntryId, content_type: &str, subject: &str) -> StatementBuilder {
    StatementBuilder::new(log.issuer, subject)
        .content_type(ContentType::Text(content_type.to_owned()))
        .extra(log_label(), entry_id_value(&log.log_id))
        .extra(follows_label(), entry_id_value(follows))
}

fn finish(builder: StatementBuilder, payload: &[u8], operator: &dyn Signer) -> Result<Vec<u8>, MakeError> {
    let statement = builder.sign(payload, operator)?;
    SignedStatement::parse(&statement, MAX_STATEMENT_BYTES)?;
    Ok(statement)
}
