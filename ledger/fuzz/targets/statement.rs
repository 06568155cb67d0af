//! Signed statements: the canonical form reads back as itself, under the same id (D1), and only its own
//! signature verifies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::{EntryId, SignedStatement, sha256};

const LIMIT: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let Ok(statement) = SignedStatement::parse(data, LIMIT) else { return };
    let canonical = statement.canonical();
    assert!(data.len() <= LIMIT && canonical.len() <= data.len(), "stripping never adds");
    assert_eq!(statement.entry_id(), EntryId::from_bytes(*sha256(canonical).as_bytes()));

    let again = SignedStatement::parse(canonical, LIMIT).expect("the canonical form is a statement");
    assert_eq!(again.canonical(), canonical);
    assert_eq!(again.entry_id(), statement.entry_id());
    assert_eq!(again.twin_id(), statement.twin_id());
    assert_eq!(again.protected(), statement.protected());
    assert_eq!(again.payload(), statement.payload());
    assert_eq!(again.signature(), statement.signature());
    let header = statement.header();
    if header.x5chain_protected || header.x5chain.is_empty() {
        assert_eq!(again.header(), header);
    }
    assert_eq!(statement.entry_id().to_string().parse(), Ok(statement.entry_id()));
});
