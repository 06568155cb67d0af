//! From a statement's header and a rule to the keys that may have signed it.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use proofs::statement::{StatementHeader, kid_names_certificate};
use proofs::{PublicKey, UnixTime};

use super::anchors::AnchorSet;
use super::binding;
use super::certificate::{Leaf, MAX_CERTIFICATE_BYTES, MAX_CHAIN_CERTIFICATES};
use super::document::{Anchor, AnchorId, Material, RootAnchor};
use super::fault::{BadChain, UnknownKey, Unresolved};
use super::path::{self, PathFault};
use super::self_certified::SelfCertifying;
use crate::governance::shown;
use crate::policy::Rule;

/// kid is not unique (COSE-08); this many registered keys of one rule are tried.
const MAX_CANDIDATES: usize = 16;

/// Certificates in DER, leaf first, root last.
type Path = Vec<Vec<u8>>;

/// A key that may have signed the statement, and why it is trusted.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) key: PublicKey,
    /// The anchor; none for a self-certifying name.
    pub(crate) anchor: Option<AnchorId>,
    /// Empty without certificates.
    pub(crate) chain: Path,
}

/// The keys of one statement at one time. Certificates are read and paths checked once, whatever the number of rules.
pub(crate) struct Resolver<'a> {
    header: &'a StatementHeader,
    anchors: &'a AnchorSet,
    at: UnixTime,
    leaf: OnceCell<Result<Leaf, UnknownKey>>,
    paths: RefCell<BTreeMap<AnchorId, Result<Path, PathFault>>>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(header: &'a StatementHeader, anchors: &'a AnchorSet, at: UnixTime) -> Self {
        Self { header, anchors, at, leaf: OnceCell::new(), paths: RefCell::default() }
    }

    /// The keys that this rule trusts for the statement; at least one if it is `Ok`.
    pub(crate) fn candidates(&self, rule: &Rule) -> Result<Vec<Candidate>, Unresolved> {
        let method = SelfCertifying::of(&self.header.issuer);
        let by_certificate =
            self.header.x5t.is_some() || (self.header.x5chain_protected && !self.header.x5chain.is_empty());
        match method {
            Some(method) if rule.self_certified.contains(&method) && !by_certificate => {
                return Ok(vec![self.by_name(method)?]);
            }
            _ => {}
        }
        let registered = if by_certificate { Vec::new() } else { self.registered(rule) };
        let candidates = if !registered.is_empty() {
            registered
        } else if self.header.x5chain.is_empty() && !by_certificate {
            return Err(self.not_registered(rule).into());
        } else {
            self.by_certificate(rule)?
        };
        match method {
            Some(method) => self.only_the_named_key(rule, method, candidates),
            None => Ok(candidates),
        }
    }

    fn anchors_of(&self, rule: &Rule) -> impl Iterator<Item = &'a Anchor> {
        rule.anchor_ids()
            .into_iter()
            .filter_map(|id| self.anchors.in_force(id))
            .filter(|anchor| anchor.embedded().is_empty() && anchor.may_speak_for(&self.header.issuer))
    }

    fn registered(&self, rule: &Rule) -> Vec<Candidate> {
        let Some(kid) = self.header.kid.as_deref() else { return Vec::new() };
        let found = self.anchors_of(rule).filter_map(|anchor| match anchor.material() {
            Material::Key(key) if key.is_meant_by(kid) => {
                let anchor = Some(anchor.id().clone());
                Some(Candidate { key: key.public_key().clone(), anchor, chain: Vec::new() })
            }
            _ => None,
        });
        found.take(MAX_CANDIDATES).collect()
    }

    fn not_registered(&self, rule: &Rule) -> UnknownKey {
        const SHOWN_BYTES: usize = 48;
        let kid = self.header.kid.as_deref().unwrap_or_default();
        let start = kid.get(..SHOWN_BYTES).unwrap_or(kid);
        UnknownKey::NotRegistered { rule: rule.name.clone(), kid: BASE64URL_NOPAD.encode(start) }
    }

    fn by_name(&self, method: SelfCertifying) -> Result<Candidate, UnknownKey> {
        let issuer = &self.header.issuer;
        let named = method
            .read(issuer)
            .map_err(|error| UnknownKey::SelfCertifying { issuer: shown(issuer), error })?;
        if !self.header.kid.as_ref().is_some_and(|kid| named.is_meant_by(kid, issuer)) {
            return Err(UnknownKey::NotTheNamedKid { method });
        }
        Ok(Candidate { key: named.key, anchor: None, chain: Vec::new() })
    }

    /// A name that holds a key speaks with that key, whatever anchors a rule names.
    fn only_the_named_key(
        &self,
        rule: &Rule,
        method: SelfCertifying,
        mut candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, Unresolved> {
        let issuer = &self.header.issuer;
        let named = method
            .read(issuer)
            .map_err(|error| UnknownKey::SelfCertifying { issuer: shown(issuer), error })?;
        let thumbprint = named.key.thumbprint();
        candidates.retain(|candidate| candidate.key.thumbprint() == thumbprint);
        if candidates.is_empty() {
            return Err(UnknownKey::NotTheNamedKey { rule: rule.name.clone(), method }.into());
        }
        Ok(candidates)
    }

    fn by_certificate(&self, rule: &Rule) -> Result<Vec<Candidate>, Unresolved> {
        let leaf = self.leaf.get_or_init(|| self.read_leaf()).as_ref().map_err(Clone::clone)?;
        let mut found = Vec::new();
        let mut nearest: Option<(AnchorId, PathFault)> = None;
        let mut unbound = false;
        for anchor in self.anchors_of(rule) {
            let Material::Root(root) = anchor.material() else { continue };
            match self.path(anchor.id(), root) {
                Ok(chain) if binding::is_bound(&self.header.issuer, leaf, root.bindings()) => {
                    found.push(Candidate {
                        key: leaf.key().clone(),
                        anchor: Some(anchor.id().clone()),
                        chain,
                    });
                    break;
                }
                Ok(_) => unbound = true,
                Err(fault) => {
                    let better = nearest.as_ref().is_none_or(|(_, known)| rank(&fault) > rank(known));
                    if better {
                        nearest = Some((anchor.id().clone(), fault));
                    }
                }
            }
        }
        let rule = rule.name.clone();
        match nearest {
            _ if !found.is_empty() => Ok(found),
            _ if unbound => {
                let (issuer, names) = (shown(&self.header.issuer), shown(&leaf.to_string()));
                Err(UnknownKey::NotBound { rule, issuer, names }.into())
            }
            None => Err(UnknownKey::NoRoot { rule }.into()),
            Some((root, fault)) if fault.is_about_time() => {
                Err(Unresolved::Chain(BadChain { rule, root, fault }))
            }
            Some((root, fault)) => Err(UnknownKey::NoPath { rule, root, fault }.into()),
        }
    }

    fn path(&self, id: &AnchorId, root: &RootAnchor) -> Result<Path, PathFault> {
        if let Some(known) = self.paths.borrow().get(id) {
            return known.clone();
        }
        let path = path::to_root(root, &self.header.x5chain, self.at);
        self.paths.borrow_mut().insert(id.clone(), path.clone());
        path
    }

    /// The leaf, once every identifier in the protected header is known to mean it (ARCH-07, ARCH-13, X5-05). That an
    /// `x5t` is the digest of this certificate (ARCH-06) is a matter of form, which the parser has checked.
    fn read_leaf(&self) -> Result<Leaf, UnknownKey> {
        let chain = &self.header.x5chain;
        let Some(der) = chain.first() else { return Err(UnknownKey::NoChain) };
        if chain.len() > MAX_CHAIN_CERTIFICATES {
            return Err(UnknownKey::ChainTooLong { found: chain.len() });
        }
        if chain.iter().any(|der| der.len() > MAX_CERTIFICATE_BYTES) {
            return Err(UnknownKey::CertificateTooLarge);
        }
        let leaf = Leaf::read(der)?;
        let pinned = self.header.x5t.is_some() || self.header.x5chain_protected;
        match self.header.kid.as_deref() {
            Some(kid) if kid_names_certificate(kid, der) => Ok(leaf),
            None if pinned => Ok(leaf),
            _ => Err(UnknownKey::KidDisagrees),
        }
    }
}

/// Which fault says most about what is wrong: a chain of the right root comes before one that is not of it at all.
fn rank(fault: &PathFault) -> u8 {
    match fault {
        PathFault::NoPath => 0,
        PathFault::Invalid(_) => 1,
        PathFault::Order | PathFault::CaKeyUsage | PathFault::PathLength | PathFault::ForeignPurpose => 2,
        PathFault::Expired { .. } | PathFault::NotYetValid { .. } => 3,
    }
}
