//! Public keys: forms, thumbprints, what is refused, and which algorithm may use which key.

mod forms;
mod material;
mod sets;
mod signatures;

use ciborium::Value as Cbor;
use proofs::Algorithm;
use proofs::cbor::encode;

use super::support::{TestSigner, unhex};

/// The key of RFC 9679 §6.
const X: &str = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d";
const Y: &str = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c";

fn one_of_each() -> Vec<TestSigner> {
    Algorithm::ALL.into_iter().map(|algorithm| TestSigner::new(algorithm, [3; 32])).collect()
}

fn map(entries: &[(i64, Cbor)]) -> Vec<u8> {
    encode(&Cbor::Map(entries.iter().map(|(label, value)| (Cbor::from(*label), value.clone())).collect()))
}

fn p256(extra: &[(i64, Cbor)]) -> Vec<u8> {
    let mut entries = vec![
        (1, Cbor::from(2)),
        (-1, Cbor::from(1)),
        (-2, Cbor::Bytes(unhex(X))),
        (-3, Cbor::Bytes(unhex(Y))),
    ];
    entries.retain(|(label, _)| extra.iter().all(|(other, _)| other != label));
    entries.extend_from_slice(extra);
    map(&entries)
}
