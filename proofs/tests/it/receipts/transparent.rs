//! Label 394 of a statement.

use ciborium::Value;
use proofs::transparent::MAX_RECEIPTS;
use proofs::{ReceiptError, StatementError, TransparentError, TransparentStatement, attach, cose::sign1};

use super::Log;
use crate::it::support::MAX;

fn parse(log: &Log, receipts: Value) -> Result<TransparentStatement, TransparentError> {
    let statement = &log.statements[2];
    let unprotected = Value::Map(vec![(Value::from(394), receipts)]);
    let bytes =
        sign1::write(statement.protected(), &unprotected, Some(statement.payload()), statement.signature());
    TransparentStatement::parse(&bytes, MAX)
}

#[test]
fn attached_receipts_come_back_in_order() {
    let log = Log::new(7);
    let receipts = [log.receipt(2, 7), log.receipt(2, 5)];
    let bytes = attach(&log.statements[2], &receipts);
    let read = TransparentStatement::parse(&bytes, MAX).unwrap();
    assert_eq!(read.statement.entry_id(), log.id(2));
    assert_eq!(read.receipt_bytes, receipts);
    for (receipt, of) in read.receipts.iter().zip([7, 5]) {
        let receipt = receipt.as_ref().unwrap();
        let root = receipt.verify_inclusion(log.id(2).as_bytes(), proofs::Signer::public_key(&log.service));
        assert_eq!(root, Ok(log.root(of)));
    }
}

#[test]
fn a_corrupt_receipt_does_not_spoil_a_good_one() {
    let log = Log::new(7);
    let good = log.receipt(2, 7);
    let read = parse(
        &log,
        Value::Array(vec![
            Value::Bytes(b"junk".to_vec()),
            Value::Bytes(good.clone()),
            Value::Null,
            Value::Bytes(good[..good.len() - 1].to_vec()),
        ]),
    )
    .unwrap();
    assert!(matches!(read.receipts[0], Err(ReceiptError::Malformed(_))));
    assert!(read.receipts[1].is_ok());
    assert_eq!(read.receipts[2], Err(ReceiptError::NotWrapped));
    assert!(matches!(read.receipts[3], Err(ReceiptError::Malformed(_))));
    assert_eq!(read.receipt_bytes[1], good);
}

#[test]
fn label_394_is_a_non_empty_array() {
    let log = Log::new(5);
    let plain = log.statements[2].canonical();
    assert_eq!(TransparentStatement::parse(plain, MAX).map(drop), Err(TransparentError::NoReceipts));
    for bad in [Value::Array(vec![]), Value::Null, Value::Bytes(log.receipt(2, 5)), Value::Map(vec![])] {
        let error = parse(&log, bad).map(drop).unwrap_err();
        assert!(matches!(error, TransparentError::ReceiptsForm { .. }), "{error:?}");
    }
    let many = |count: usize| parse(&log, Value::Array(vec![Value::Null; count])).map(drop);
    assert_eq!(many(MAX_RECEIPTS), Ok(()));
    assert_eq!(many(MAX_RECEIPTS + 1), Err(TransparentError::TooManyReceipts));
}

#[test]
fn the_statements_own_error_comes_first() {
    let log = Log::new(5);
    let bytes = attach(&log.statements[2], &[log.receipt(2, 5)]);
    let limit = bytes.len() - 1;
    let refused = TransparentStatement::parse(&bytes, limit).map(drop);
    assert_eq!(refused, Err(TransparentError::Statement(StatementError::TooLarge { limit })));
}

/// Receipts in the protected header are the issuer's business; they are not the service's receipts (RFC 9943 §7).
#[test]
fn protected_receipts_are_not_taken_out() {
    let issuer = crate::it::support::TestSigner::new(proofs::Algorithm::EdDsa, [1; 32]);
    let built = proofs::StatementBuilder::new("i", "s")
        .extra(proofs::Label::Int(394), Value::Array(vec![Value::Bytes(vec![1])]))
        .sign(b"x", &issuer)
        .unwrap();
    assert_eq!(TransparentStatement::parse(&built, MAX).map(drop), Err(TransparentError::NoReceipts));
}
