use super::*;

fn world(alg: Algorithm) -> World {
    let args = Args { alg, entries: 1 << 40, payload_bytes: 100, duration: 1, repetitions: 1, json: false };
    World::make(&args).unwrap()
}

#[test]
fn what_is_verified_would_not_verify_otherwise() {
    for alg in [Algorithm::Ed25519, Algorithm::Es256] {
        let world = world(alg);
        assert_eq!(world.pairs.len(), 2000);
        for pair in &world.pairs[..20] {
            verify(pair, &world.keys, true).unwrap();
        }
        let [first, second] = &world.pairs[..2] else { unreachable!() };
        let with = |statement: &[u8], receipt: &[u8], issuer: &PublicKey| {
            let pair =
                Pair { statement: statement.to_vec(), receipt: receipt.to_vec(), issuer: issuer.clone() };
            (verify(&pair, &world.keys, false).is_ok(), verify(&pair, &world.keys, true).is_ok())
        };
        assert_eq!(with(&first.statement, &second.receipt, &first.issuer), (false, false));
        assert_eq!(with(&first.statement, &first.receipt, &second.issuer), (true, false));
        let mut damaged = first.receipt.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert_eq!(with(&first.statement, &damaged, &first.issuer), (false, false));
        let other = self::world(alg);
        assert!(verify(first, &other.keys, false).is_err(), "the key of another service");
    }
}

#[test]
fn proofs_are_as_long_as_the_log_makes_them() {
    let world = world(Algorithm::Ed25519);
    let receipt = Receipt::parse(&world.pairs[0].receipt).unwrap();
    let proofs::Proof::Inclusion(proof) = receipt.proof() else { panic!("another proof") };
    assert_eq!(proof.path.len(), 40);
}
