//! Certificates made for tests, with fixed times.

use proofs::{Label, Signer, StatementBuilder};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::governance::tests::world::statement_of;
use crate::signer::PrivateKey;

/// A certificate authority.
pub(in crate::governance::tests) struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// An end-entity certificate, its key, and what stands between it and the root.
pub(in crate::governance::tests) struct Leaf {
    pub(in crate::governance::tests) chain: Vec<Vec<u8>>,
    pub(in crate::governance::tests) key: PrivateKey,
}

pub(in crate::governance::tests) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub(in crate::governance::tests) fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if !name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.not_before = date_time_ymd(2026, 6, 1);
    params.not_after = date_time_ymd(2027, 6, 1);
    params
}

pub(in crate::governance::tests) fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Ca {
    pub(in crate::governance::tests) fn root(name: &str) -> Self {
        Self::root_with(ca_params(name))
    }

    pub(in crate::governance::tests) fn root_with(params: CertificateParams) -> Self {
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub(in crate::governance::tests) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(ca_params(name))
    }

    pub(in crate::governance::tests) fn intermediate_with(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::signed_by(params, key, &self.issuer).unwrap() }
    }

    pub(in crate::governance::tests) fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    pub(in crate::governance::tests) fn leaf(&self, names: Vec<SanType>) -> Leaf {
        self.leaf_with(names, |_| {})
    }

    pub(in crate::governance::tests) fn leaf_with(
        &self,
        names: Vec<SanType>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Leaf {
        let mut params = params("");
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut params);
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.issuer).unwrap();
        let key = PrivateKey::from_pem(&pair.serialize_pem()).unwrap();
        Leaf { chain: vec![certificate.der().to_vec()], key }
    }
}

impl Leaf {
    pub(in crate::governance::tests) fn through(mut self, intermediates: &[&Ca]) -> Self {
        self.chain.extend(intermediates.iter().map(|ca| ca.der()));
        self
    }

    pub(in crate::governance::tests) fn sign(&self, issuer: &str) -> Vec<u8> {
        self.sign_with(issuer, |builder| builder)
    }

    /// A statement with the chain in its protected header.
    pub(in crate::governance::tests) fn sign_with(
        &self,
        issuer: &str,
        change: impl FnOnce(StatementBuilder) -> StatementBuilder,
    ) -> Vec<u8> {
        change(statement_of(issuer).x5chain(self.chain.clone())).sign(b"payload", &self.key).unwrap()
    }

    pub(in crate::governance::tests) fn thumbprint(&self) -> Vec<u8> {
        self.key.public_key().thumbprint().as_bytes().to_vec()
    }
}

pub(in crate::governance::tests) fn kid(kid: Vec<u8>) -> impl FnOnce(StatementBuilder) -> StatementBuilder {
    move |builder| builder.extra(Label::Int(4), ciborium::Value::Bytes(kid))
}
