//! The whole registration decision on hostile statements: every way to a key (listed, x5chain, did:key,
//! did:jwk), then signature and policy. It is a pure function (invariant 6), and nobody but the operator
//! gets a control statement in.
#![no_main]

use fuzz::{EVALUATED_AT, governance};
use libfuzzer_sys::fuzz_target;
use proofs::SignedStatement;

const LIMIT: usize = 16 * 1024;

fuzz_target!(|data: &[u8]| {
    let Ok(statement) = SignedStatement::parse(data, LIMIT) else { return };
    let canonical = SignedStatement::parse(statement.canonical(), LIMIT).expect("the canonical form is a statement");
    let id = statement.entry_id();
    let first = governance().judge(statement.clone(), EVALUATED_AT);
    let second = governance().judge(statement, EVALUATED_AT);
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.evidence, second.evidence, "the same input, the same decision");
            assert!(first.control.is_none(), "the operator's key is unknown here");
            assert_eq!(first.statement.statement().entry_id(), id);
            assert_eq!(first.statement.key(), &first.evidence.key);
            if first.evidence.unprotected_x5chain.is_empty() {
                assert!(governance().judge(canonical, EVALUATED_AT).is_ok(), "what is registered can be judged again");
            }
        }
        (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
        _ => panic!("one input, two decisions"),
    }
});
