use super::*;
use proofs::SignedStatement;
use std::collections::BTreeSet;

#[test]
fn statements_are_distinct_signed_and_of_one_length() {
    for algorithm in [Algorithm::Ed25519, Algorithm::Es256] {
        let issuers = Issuers::generate(3, algorithm, 400).unwrap();
        let made = issuers.sign(10, 25).unwrap();
        assert_eq!(made.len(), 25);
        let keys = issuers.admissible();
        let mut ids = BTreeSet::new();
        for (n, bytes) in made.iter().enumerate() {
            assert_eq!(bytes.len(), made[0].len());
            assert!((600..=700).contains(&bytes.len()), "{} bytes", bytes.len());
            let statement = SignedStatement::parse(bytes, bytes.len()).unwrap();
            assert_eq!(statement.payload().len(), 400);
            let issuer = &keys[(10 + n) % 3];
            assert_eq!(statement.header().issuer, issuer.name);
            ids.insert(statement.entry_id());
            statement.verify(&issuer.key).unwrap();
        }
        assert_eq!(ids.len(), 25);
    }
}

#[test]
fn another_run_makes_other_statements() {
    let made = || Issuers::generate(1, Algorithm::Ed25519, 20).unwrap().statement(0).unwrap();
    assert_ne!(made(), made());
}

#[test]
fn a_number_chooses_its_payload() {
    assert_eq!(payload(7, 100), payload(7, 100));
    assert_ne!(payload(7, 100), payload(8, 100));
    for bytes in [20, 21, 37, 400] {
        assert_eq!(payload(1, bytes).len(), bytes);
    }
    assert_eq!(payload(1, 0).len(), 20, "the number always stands there whole");
}
