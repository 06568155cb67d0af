//! The registration decision.

use proofs::statement::SignedBy;
use proofs::{KeyId, PublicKey, SignedStatement, UnixTime, VerifiedStatement};

use super::refusal::{BadSignature, Refusal, Rejection, shown};
use super::{Admitted, CONTROL_RULE, Evidence, Governance};
use crate::control::{self, ControlType, Force};
use crate::policy::{MAX_STATEMENT_BYTES, Rule};
use crate::profile::{Circumstances, Examination, Finding, Kind, ProfileRule, examine, examine_statement};
use crate::trust::{Candidate, Resolver, UnknownKey, Unresolved};

/// Subjects of the log itself; a consistency receipt has `urn:stele:log:…` (D2). URNs begin without regard to case
/// (RFC 8141 §3.1).
const RESERVED_SUBJECT: &str = "urn:stele:";

impl Governance {
    /// Decides whether the statement may be registered: trust, signature, policy.
    ///
    /// `evaluated_at` is the time for certificates and for the validity of rules (D6). The statement may come
    /// with an `x5chain` from its unprotected header; all else of that header is already gone.
    ///
    /// # Errors
    /// [`Refusal`], whose text tells the producer what to change.
    pub fn judge(&self, statement: SignedStatement, evaluated_at: UnixTime) -> Result<Admitted, Refusal> {
        match ControlType::of(statement.header()) {
            Some(ControlType::Manifest | ControlType::TraceBatch) => {
                self.judge_registrar(statement, evaluated_at)
            }
            Some(kind) => self.judge_control(kind, statement),
            None if statement.header().issuer == self.identity().genesis.issuer => {
                self.judge_registrar(statement, evaluated_at)
            }
            None => self.judge_issuer(statement, evaluated_at),
        }
    }

    fn judge_control(&self, kind: ControlType, statement: SignedStatement) -> Result<Admitted, Refusal> {
        let force = Force {
            identity: self.identity(),
            policy: self.policy(),
            policy_id: self.policy_id(),
            anchors: self.anchors(),
            anchors_id: self.anchors_id(),
        };
        if statement.canonical().len() > MAX_STATEMENT_BYTES {
            return Err(Refusal::TooLarge { limit: MAX_STATEMENT_BYTES });
        }
        let kind = control::check_place(kind, &statement, &force).map_err(Rejection::from)?;
        let key = &self.policy().operator;
        let signed_by = check(&statement, key, CONTROL_RULE)?;
        let change = control::read_change(kind, &statement, &force).map_err(Rejection::from)?;
        let verified = statement.verified(signed_by).ok_or_else(|| unverified(key, CONTROL_RULE))?;
        let evidence = Evidence {
            key: key.clone(),
            anchor: None,
            rule: CONTROL_RULE.to_owned(),
            chain: Vec::new(),
            unprotected_x5chain: Vec::new(),
        };
        Ok(Admitted { statement: verified, evidence, control: Some(change), examination: None })
    }

    fn judge_issuer(&self, statement: SignedStatement, evaluated_at: UnixTime) -> Result<Admitted, Refusal> {
        self.check_envelope(&statement)?;
        let (rule, candidate, signed_by) = self.rule_for(&statement, evaluated_at)?;
        let evidence = evidence(rule, &statement, candidate);
        let verified = statement.verified(signed_by).ok_or_else(|| unverified(&evidence.key, &rule.name))?;
        let examination = self.examine(verified.statement(), &evidence.key, evaluated_at)?;
        Ok(Admitted { statement: verified, evidence, control: None, examination })
    }

    /// The first rule that admits the statement, and with which key.
    fn rule_for(
        &self,
        statement: &SignedStatement,
        evaluated_at: UnixTime,
    ) -> Result<(&Rule, Candidate, SignedBy), Refusal> {
        let issuer = &statement.header().issuer;
        let resolver = Resolver::new(statement.header(), self.anchors(), evaluated_at);
        let mut tried = Tried::default();
        let mut answer: Option<Refusal> = None;
        for rule in self.policy().rules.iter().filter(|rule| rule.is_about(issuer)) {
            match try_rule(rule, statement, &resolver, evaluated_at, &mut tried) {
                Ok((candidate, signed_by)) => return Ok((rule, candidate, signed_by)),
                Err(refusal) if answer.as_ref().is_none_or(|known| reach(&refusal) > reach(known)) => {
                    answer = Some(refusal);
                }
                Err(_) => {}
            }
        }
        Err(answer.unwrap_or_else(|| {
            let policy = self.policy_index().get();
            UnknownKey::NoRule { issuer: shown(issuer), policy }.into()
        }))
    }

    /// What the profile of the payload says, as far as nothing but what is in force counts (D18).
    ///
    /// `stele audit` replays findings with it; log findings are [`crate::profile::log_findings`].
    ///
    /// # Errors
    /// [`Rejection::Profile`] when the policy refuses what was found.
    pub fn examine(
        &self,
        statement: &SignedStatement,
        key: &proofs::PublicKey,
        evaluated_at: UnixTime,
    ) -> Result<Option<Box<Examination>>, Refusal> {
        let rules = &self.policy().profiles;
        if rules.is_empty() {
            return Ok(None);
        }
        let by_registrar = statement.header().issuer == self.identity().genesis.issuer;
        // The registrar signs for everybody, so its key says nothing about the record.
        let circumstances = self.circumstances((!by_registrar).then_some(key), evaluated_at);
        let Some((rule, examination)) = examine_statement(statement, rules, &circumstances) else {
            return Ok(None);
        };
        Ok(Some(Box::new(enforced(rule, examination)?)))
    }

    /// What the profile says of a payload that is not in a statement yet; nothing if the policy has no rule about it.
    ///
    /// # Errors
    /// [`Rejection::Profile`] when the policy refuses what was found.
    pub(crate) fn examine_record(
        &self,
        kind: Kind,
        payload: &[u8],
        subject: Option<&str>,
        evaluated_at: UnixTime,
    ) -> Result<Vec<Finding>, Refusal> {
        let Some(rule) = ProfileRule::about(&self.policy().profiles, kind.content_type()) else {
            return Ok(Vec::new());
        };
        let Some(kind) = Kind::of_profile(&rule.profile) else { return Ok(Vec::new()) };
        let circumstances = self.circumstances(None, evaluated_at);
        let circumstances = Circumstances { switches: &rule.switches, subject, ..circumstances };
        Ok(enforced(rule, examine(kind, payload, &circumstances))?.findings)
    }

    fn circumstances<'a>(&'a self, key: Option<&'a PublicKey>, evaluated_at: UnixTime) -> Circumstances<'a> {
        Circumstances {
            anchors: self.anchors(),
            evaluated_at,
            service: &self.identity().genesis.issuer,
            log_id: self.identity().log_id,
            switches: &[],
            subject: None,
            key,
        }
    }

    /// What the policy says about every issuer's statement.
    fn check_envelope(&self, statement: &SignedStatement) -> Result<(), Refusal> {
        let header = statement.header();
        let policy = self.policy();
        if statement.canonical().len() > policy.max_statement_bytes {
            return Err(Refusal::TooLarge { limit: policy.max_statement_bytes });
        }
        if !policy.algorithms.contains(&header.algorithm) {
            let allowed: Vec<&str> = policy.algorithms.iter().map(|algorithm| algorithm.name()).collect();
            return Err(Refusal::AlgorithmNotAllowed {
                algorithm: header.algorithm,
                allowed: allowed.join(", "),
            });
        }
        let subject = header.subject.as_str();
        if reserved_subject(subject) {
            return Err(Rejection::ReservedSubject { subject: shown(subject) }.into());
        }
        Ok(())
    }
}

pub(super) fn reserved_subject(subject: &str) -> bool {
    let start = subject.get(..RESERVED_SUBJECT.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_SUBJECT))
}

/// Keys that the signature did not verify with, so that no key costs two verifications.
#[derive(Default)]
struct Tried {
    failed: Vec<(KeyId, Refusal)>,
}

fn try_rule(
    rule: &Rule,
    statement: &SignedStatement,
    resolver: &Resolver<'_>,
    evaluated_at: UnixTime,
    tried: &mut Tried,
) -> Result<(Candidate, SignedBy), Refusal> {
    let unmet = |unmet| Refusal::from(Rejection::Rule { rule: rule.name.clone(), unmet });
    rule.counts_at(evaluated_at).map_err(unmet)?;
    let candidates = resolver.candidates(rule).map_err(|unresolved| match unresolved {
        Unresolved::Unknown(fault) => Refusal::from(fault),
        Unresolved::Chain(fault) => BadSignature::from(fault).into(),
    })?;
    let mut answer = None;
    for candidate in candidates {
        let kid = candidate.key.thumbprint();
        if let Some((_, known)) = tried.failed.iter().find(|(failed, _)| *failed == kid) {
            answer = Some(known.clone());
            continue;
        }
        match check(statement, &candidate.key, &rule.name) {
            Ok(signed_by) => {
                rule.admits(statement).map_err(unmet)?;
                return Ok((candidate, signed_by));
            }
            Err(refusal) => {
                tried.failed.push((kid, refusal.clone()));
                answer = Some(refusal);
            }
        }
    }
    // Resolving never gives an empty list; if it did, nothing would vouch for the statement.
    Err(answer.unwrap_or_else(|| UnknownKey::NoRoot { rule: rule.name.clone() }.into()))
}

/// The examination, unless the policy refuses it.
fn enforced(rule: &ProfileRule, examination: Examination) -> Result<Examination, Rejection> {
    if examination.refuses(rule.enforce) {
        let Examination { kind, findings, .. } = examination;
        return Err(Rejection::Profile { profile: kind.profile(), findings, left_out: 0 });
    }
    Ok(examination)
}

fn evidence(rule: &Rule, statement: &SignedStatement, candidate: Candidate) -> Evidence {
    let header = statement.header();
    let used_unprotected = !candidate.chain.is_empty() && !header.x5chain_protected;
    Evidence {
        key: candidate.key,
        anchor: candidate.anchor,
        rule: rule.name.clone(),
        chain: candidate.chain,
        unprotected_x5chain: if used_unprotected { header.x5chain.clone() } else { Vec::new() },
    }
}

/// Checks the signature with one key.
fn check(statement: &SignedStatement, key: &PublicKey, rule: &str) -> Result<SignedBy, Refusal> {
    let algorithm = statement.header().algorithm;
    if !key.allows(algorithm) {
        let kid = key.thumbprint().to_string();
        return Err(BadSignature::Algorithm { rule: rule.to_owned(), kid, algorithm }.into());
    }
    statement.check_signature(key).map_err(|_| unverified(key, rule))
}

/// The same for a statement that is not needed otherwise.
pub(super) fn verify(
    statement: SignedStatement,
    key: &PublicKey,
    rule: &str,
) -> Result<VerifiedStatement, Refusal> {
    let signed_by = check(&statement, key, rule)?;
    statement.verified(signed_by).ok_or_else(|| unverified(key, rule))
}

fn unverified(key: &PublicKey, rule: &str) -> Refusal {
    BadSignature::Signature { rule: rule.to_owned(), kid: key.thumbprint().to_string() }.into()
}

/// How far a statement came under a rule; the answer is from the rule where it came farthest.
fn reach(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::UnknownIssuerKey(UnknownKey::NoRoot { .. }) => 0,
        Refusal::UnknownIssuerKey(_) => 1,
        Refusal::InvalidSignature(_) => 2,
        Refusal::AlgorithmNotAllowed { .. } | Refusal::TooLarge { .. } | Refusal::Rejected(_) => 3,
    }
}
