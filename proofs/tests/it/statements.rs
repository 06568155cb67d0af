//! Signed statements: what is read, what is refused and in which words, what is kept.

mod build;
mod certificates;
mod claims;
mod envelopes;
mod form;
mod twins;

use ciborium::Value;
use proofs::cose::sign1;
use proofs::{Label, MalformedStatement, SignedStatement, StatementError, cbor};

use super::support::MAX;

/// A statement put together by hand: any header, any payload, a signature that is none.
#[derive(Clone)]
struct Draft {
    protected: Vec<(Value, Value)>,
    unprotected: Vec<(Value, Value)>,
    payload: Option<Vec<u8>>,
}

impl Draft {
    /// An acceptable statement.
    fn good() -> Self {
        let claims = Value::Map(vec![
            (Value::from(1), Value::from("https://issuer.example")),
            (Value::from(2), Value::from("subject")),
        ]);
        let protected = vec![
            (Value::from(1), Value::from(-8)),
            (Value::from(4), Value::Bytes(b"key".to_vec())),
            (Value::from(15), claims),
        ];
        Self { protected, unprotected: Vec::new(), payload: Some(b"payload".to_vec()) }
    }

    /// With this label protected, in the place of what was there.
    fn with(mut self, label: impl Into<Value>, value: impl Into<Value>) -> Self {
        let label = label.into();
        self.protected.retain(|(other, _)| *other != label);
        self.protected.push((label, value.into()));
        self
    }

    fn without(mut self, label: i64) -> Self {
        self.protected.retain(|(other, _)| *other != Value::from(label));
        self
    }

    fn unprotected(mut self, label: impl Into<Value>, value: impl Into<Value>) -> Self {
        self.unprotected.push((label.into(), value.into()));
        self
    }

    fn payload(mut self, payload: Option<&[u8]>) -> Self {
        self.payload = payload.map(<[u8]>::to_vec);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let protected = cbor::encode(&Value::Map(self.protected.clone()));
        let unprotected = Value::Map(self.unprotected.clone());
        sign1::write(&protected, &unprotected, self.payload.as_deref(), &[0; 64])
    }

    fn parse(&self) -> Result<SignedStatement, StatementError> {
        SignedStatement::parse(&self.bytes(), MAX)
    }

    fn refused(&self) -> StatementError {
        self.parse().map(drop).unwrap_err()
    }

    fn malformed(&self) -> MalformedStatement {
        match self.refused() {
            StatementError::Malformed(malformed) => malformed,
            other => panic!("not malformed but {other:?}"),
        }
    }
}

fn array(items: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(items.into_iter().collect())
}

fn bstr(bytes: impl Into<Vec<u8>>) -> Value {
    Value::Bytes(bytes.into())
}

fn label(number: i64) -> Label {
    Label::Int(number)
}
