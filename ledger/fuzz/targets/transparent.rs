//! Transparent statements: taking the receipts out and attaching them again changes neither the statement's
//! id (ARCH-49) nor a receipt.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofs::{SignedStatement, TransparentStatement, attach};

const LIMIT: usize = 8192;

fuzz_target!(|data: &[u8]| {
    let Ok(transparent) = TransparentStatement::parse(data, LIMIT) else { return };
    let plain = SignedStatement::parse(data, LIMIT).expect("a transparent statement is a statement");
    assert_eq!(plain.entry_id(), transparent.statement.entry_id());
    assert_eq!(transparent.receipts.len(), transparent.receipt_bytes.len());

    let written = attach(&transparent.statement, &transparent.receipt_bytes);
    let again = TransparentStatement::parse(&written, 2 * LIMIT).expect("what we attach, we read");
    assert_eq!(again.statement.canonical(), transparent.statement.canonical());
    assert_eq!(again.receipt_bytes, transparent.receipt_bytes);
    for (was, is) in transparent.receipts.iter().zip(&again.receipts) {
        if was.is_ok() {
            assert_eq!(was, is, "a wrapped receipt stays as it is");
        }
    }
});
