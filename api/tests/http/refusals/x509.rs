//! Chains: a root nobody registered, and a leaf whose time is over.

use ledger::policy::{IssuerMatch, Rule};
use ledger::signer::PrivateKey;
use ledger::trust::{Anchor, AnchorId};
use proofs::StatementBuilder;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};

use super::refused;
use crate::support::World;

const NAME: &str = "https://chain.example";

struct Chain {
    root: Vec<u8>,
    leaf: Vec<u8>,
    key: PrivateKey,
}

/// A root, and a leaf for [`NAME`] that is valid until the end of `year`.
fn chain(year: i32) -> Chain {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "root");
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::URI(NAME.try_into().unwrap())];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.not_before = date_time_ymd(2020, 1, 1);
    leaf.not_after = date_time_ymd(year, 12, 31);
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &root).unwrap();
    let key = PrivateKey::from_pem(&key.serialize_pem()).unwrap();
    Chain { root: root.der().to_vec(), leaf: leaf.der().to_vec(), key }
}

impl Chain {
    fn statement(&self) -> Vec<u8> {
        let builder = StatementBuilder::new(NAME, "urn:example:chain").x5chain(vec![self.leaf.clone()]);
        builder.sign(b"hello", &self.key).unwrap()
    }
}

#[tokio::test]
async fn chains_to_unknown_roots_and_expired_chains_are_refused() {
    let world = World::closed();
    let service = world.serve();
    let id = AnchorId::new("root").unwrap();
    let (good, unknown) = (chain(2099), chain(2099));
    let expired = chain(2025);
    for (id, root) in [("root", &good.root), ("old", &expired.root)] {
        let anchor = Anchor::root(AnchorId::new(id).unwrap(), root.clone(), Vec::new()).unwrap();
        service.must(world.trust(&service.ledger, anchor)).await;
    }
    let issuers = vec![IssuerMatch::exact(NAME).unwrap()];
    let rule = Rule::new("chains", issuers, vec![id, AnchorId::new("old").unwrap()]);
    service.must(world.policy(&service.ledger, vec![rule])).await;

    service.must(good.statement()).await;
    refused(&world, &service, "Unknown Issuer Key", &[("another root", unknown.statement(), "chains")]).await;
    refused(&world, &service, "Invalid Signature", &[("expired", expired.statement(), "chains")]).await;
}
