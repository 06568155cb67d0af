//! `GET /.well-known/scitt-keys` and `/{kid}`.

use axum::http::StatusCode;
use ciborium::Value;
use data_encoding::BASE64URL_NOPAD;
use proofs::KeySet;

use crate::support::World;

const PATH: &str = "/.well-known/scitt-keys";

fn field(key: &Value, label: i64) -> Option<&Value> {
    key.as_map().unwrap().iter().find(|(known, _)| *known == Value::from(label)).map(|(_, value)| value)
}

#[tokio::test]
async fn scr_08_scr_38_the_key_set_is_cbor_at_the_well_known_path() {
    let world = World::closed();
    let service = world.serve();
    for accept in ["application/cbor", "*/*", ""] {
        let answer = service.get_with(PATH, &[("accept", accept)]).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/cbor"));
        let keys = KeySet::parse(&answer.body).unwrap();
        let kid = world.keys.receipts.public_key().thumbprint();
        assert!(keys.get(kid.as_bytes()).is_some());
    }
    let named = service.get_with(PATH, &[("accept", "application/cose-key-set")]).await;
    assert_eq!(named.header("content-type"), "application/cose-key-set");
    service.get_with(PATH, &[("accept", "application/json")]).await.refused(406, "Not Acceptable");
    service.get("/.well-known/transparency-configuration").await.refused(404, "Not Found");
}

#[tokio::test]
async fn scr_09_scr_17_scr_19_keys_are_public_and_named_by_thumbprint_bytes() {
    let world = World::closed();
    let service = world.serve();
    let set = proofs::cbor::decode(&service.get(PATH).await.body).unwrap();
    let keys = set.as_array().unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        let kid = field(key, 2).unwrap().as_bytes().unwrap();
        assert_eq!(kid, world.keys.receipts.public_key().thumbprint().as_bytes());
        assert_eq!(field(key, 3), Some(&Value::from(world.keys.receipts.algorithm().cose())));
        assert!(field(key, -4).is_none(), "a private key is shown");
    }
}

#[tokio::test]
async fn scr_11_keys_may_be_cached() {
    let world = World::closed();
    let service = world.serve();
    let kid = world.keys.receipts.public_key().thumbprint();
    for path in [PATH.to_owned(), format!("{PATH}/{kid}")] {
        assert_eq!(service.get(&path).await.header("cache-control"), "public, max-age=3600");
    }
}

#[tokio::test]
async fn scr_14_a_key_is_found_by_its_kid_in_base64url() {
    let world = World::closed();
    let service = world.serve();
    let kid = BASE64URL_NOPAD.encode(world.keys.receipts.public_key().thumbprint().as_bytes());
    let set = service.get(PATH).await.body;
    let answer = service.get(&format!("{PATH}/{kid}")).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/cbor"));
    assert_eq!(set, [&[0x81][..], &answer.body].concat(), "the same map without the array around it");
    let named = service.get_with(&format!("{PATH}/{kid}"), &[("accept", "application/cose-key")]).await;
    assert_eq!(named.header("content-type"), "application/cose-key");
    // Percent-encoding is undone once, and once only.
    let first = format!("%{:02x}{}", kid.as_bytes()[0], &kid[1..]);
    assert_eq!(service.get(&format!("{PATH}/{first}")).await.status, StatusCode::OK);
    let twice = first.replace('%', "%25");
    service.get(&format!("{PATH}/{twice}")).await.refused(404, "No such key");
}

#[tokio::test]
async fn scr_15_scr_18_what_names_no_key_is_404_with_the_words_of_the_draft() {
    let world = World::closed();
    let service = world.serve();
    let kid = world.keys.receipts.public_key().thumbprint();
    let raw: String = kid.as_bytes().iter().map(|byte| format!("%{byte:02x}")).collect();
    for name in ["x", "%ff", "%", "a%2fb", &format!("{kid}="), &raw, &kid.to_string().to_lowercase()] {
        let detail = service.get(&format!("{PATH}/{name}")).await.refused(404, "No such key");
        assert_eq!(detail, "No key could be found for this kid value", "{name}");
    }
}

#[tokio::test]
async fn scr_16_no_raw_kid_can_be_mistaken_for_an_encoded_one() {
    let world = World::closed();
    let service = world.serve();
    let keys = KeySet::parse(&service.get(PATH).await.body).unwrap();
    // Every kid has one length, and its base64url form another.
    assert!(keys.iter().all(|key| key.thumbprint().as_bytes().len() == 32));
    assert_ne!(BASE64URL_NOPAD.encode_len(32), 32);
}
