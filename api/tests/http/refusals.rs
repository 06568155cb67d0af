//! What bad input gets: one test a row of the table of failures. None of it changes the log.

mod x509;

use axum::body::Body;
use ciborium::Value;
use ledger::policy::{ContentTypeName, Policy, Rule};
use ledger::signer::{KeyAlgorithm, PrivateKey};
use proofs::{Algorithm, ContentType, Signer, StatementBuilder};

use crate::support::forge::{Forged, claims};
use crate::support::{ISSUER, Service, World, issuer_rule, request, signed_by};

const PARSED: &str = "The request could not be parsed: ";

/// Sends each of these and checks that it is refused under `title`, with a detail that has these words, and
/// leaves no trace.
async fn refused(world: &World, service: &Service, title: &str, inputs: &[(&str, Vec<u8>, &str)]) {
    for (what, bytes, words) in inputs {
        let (size, commits) = (service.size(), world.store.commits());
        let answer = service.post(bytes.clone()).await;
        let detail = answer.refused(400, title);
        assert!(detail.contains(words), "{what}: {detail}");
        assert_eq!(answer.header("location"), "", "{what}");
        assert_eq!((service.size(), world.store.commits()), (size, commits), "{what} changed the log");
    }
}

#[tokio::test]
async fn scr_03_what_is_no_strict_cose_sign1_is_malformed_and_the_detail_says_where() {
    let world = World::open().await;
    let service = world.serve();
    let good = Forged::good(&world.issuer).sign(&world.issuer);
    assert_eq!(&good[..2], [0xd2, 0x84]);
    let tagged = |tag: &[u8]| [tag, &good[1..]].concat();
    let indefinite = [&[0xd2, 0x9f], &good[2..], &[0xff]].concat();
    let long_head = [&[0xd2, 0x98, 0x04], &good[2..]].concat();
    let twice = Forged::good(&world.issuer).with_more(3, Value::from("text/plain")).sign(&world.issuer);
    let inputs = [
        ("nothing", vec![], PARSED),
        ("text", b"not cbor".to_vec(), PARSED),
        ("json", b"{\"a\": 1}".to_vec(), PARSED),
        ("trailing bytes", [&good[..], &[0]].concat(), PARSED),
        ("a cut end", good[..good.len() - 1].to_vec(), PARSED),
        ("indefinite length", indefinite, PARSED),
        ("a long head", long_head, PARSED),
        ("duplicate label", twice, PARSED),
        ("untagged", good[1..].to_vec(), PARSED),
        ("COSE_Sign", tagged(&[0xd8, 98]), PARSED),
        ("COSE_Mac0", tagged(&[0xd1]), PARSED),
        ("COSE_Encrypt0", tagged(&[0xd0]), PARSED),
        ("an array of three", [&[0xd2, 0x83], &good[2..]].concat(), PARSED),
    ];
    refused(&world, &service, "Malformed request", &inputs).await;
    // The detail says more than that there is something wrong.
    let mut details: Vec<_> = Vec::new();
    for (_, bytes, _) in &inputs {
        details.push(service.post(bytes.clone()).await.concise().1);
    }
    assert!(details.iter().all(|detail| detail.len() > PARSED.len()));
    details.dedup();
    assert!(details.len() > 6, "{details:#?}");
}

#[tokio::test]
async fn scr_27_unknown_and_disallowed_algorithms_are_bad_signature_algorithms() {
    let world = World::open().await;
    let service = world.serve();
    let words = "Signed Statement contained a non-supported algorithm";
    let with = |alg: i64| Forged::good(&world.issuer).with(1, Some(Value::from(alg))).sign(&world.issuer);
    let inputs =
        [("ES256K", with(-47), words), ("HMAC", with(5), words), ("nonsense", with(i64::MIN), words)];
    refused(&world, &service, "Bad Signature Algorithm", &inputs).await;

    let policy = Policy { rules: vec![issuer_rule()], ..Policy::closed(world.operator.public_key().clone()) };
    let algorithms = vec![Algorithm::EdDsa, Algorithm::Ed25519];
    service.must(world.signed_policy(&service.ledger, Policy { algorithms, ..policy })).await;
    refused(&world, &service, "Bad Signature Algorithm", &[("ES256", world.statement(1), words)]).await;
}

#[tokio::test]
async fn scr_22_a_nil_payload_is_a_missing_payload() {
    let world = World::open().await;
    let service = world.serve();
    let nil = Forged::good(&world.issuer).payload(None).sign(&world.issuer);
    let detail = service.post(nil).await.refused(400, "Payload Missing");
    assert_eq!(detail, "Signed Statement payload must be present");
    // An empty payload is a payload.
    service.must(Forged::good(&world.issuer).payload(Some(b"")).sign(&world.issuer)).await;
}

#[tokio::test]
async fn missing_claims_and_missing_key_references_are_named() {
    let world = World::open().await;
    let service = world.serve();
    let with = |label, value| Forged::good(&world.issuer).with(label, value).sign(&world.issuer);
    let inputs = [
        ("no claims", with(15, None), "label 15"),
        ("no iss", with(15, claims(&[(2, "s".into())])), "iss"),
        ("no sub", with(15, claims(&[(1, ISSUER.into())])), "sub"),
        (
            "391 and 392",
            Forged::good(&world.issuer)
                .with(15, None)
                .with(391, Some(ISSUER.into()))
                .with(392, Some("s".into()))
                .sign(&world.issuer),
            "391",
        ),
    ];
    refused(&world, &service, "Missing Claims", &inputs).await;
    refused(&world, &service, "Unknown Issuer Key", &[("no kid", with(4, None), "kid")]).await;
}

#[tokio::test]
async fn the_subject_of_the_log_itself_is_rejected() {
    let world = World::open().await;
    let service = world.serve();
    let sub = format!("urn:stele:log:{}", world.log_id);
    refused(&world, &service, "Rejected", &[("the log", signed_by(&world.issuer, &sub), "urn:stele:")]).await;
}

#[tokio::test]
async fn an_unknown_critical_header_is_refused() {
    let world = World::open().await;
    let service = world.serve();
    let critical = Forged::good(&world.issuer)
        .with(2, Some(Value::Array(vec![Value::from(-70_000)])))
        .with(-70_000, Some(Value::from("x")))
        .sign(&world.issuer);
    refused(&world, &service, "Unknown Critical Header", &[("crit", critical, "-70000")]).await;
}

#[tokio::test]
async fn signatures_that_do_not_verify_and_keys_that_are_not_trusted_are_told_apart() {
    let world = World::open().await;
    let service = world.serve();
    let good = world.statement(1);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut changed = good.clone();
    let at = changed.windows(5).position(|window| window == b"hello").unwrap();
    changed[at] ^= 0x20;
    let inputs = [("a flipped bit", flipped, "issuers"), ("another payload", changed, "issuers")];
    refused(&world, &service, "Invalid Signature", &inputs).await;

    let stranger = PrivateKey::generate(KeyAlgorithm::Es256).unwrap();
    let of_nobody = StatementBuilder::new("https://nobody.example", "s").sign(b"x", &world.issuer).unwrap();
    let inputs = [
        ("a stranger's key", signed_by(&stranger, "s"), "kid"),
        ("an unknown issuer", of_nobody, "https://nobody.example"),
    ];
    refused(&world, &service, "Unknown Issuer Key", &inputs).await;
    // The operator signs policies, and nothing in other people's names.
    refused(
        &world,
        &service,
        "Unknown Issuer Key",
        &[("the operator", signed_by(&world.operator, "s"), "kid")],
    )
    .await;
}

#[tokio::test]
async fn scr_27_what_policy_refuses_is_rejected_and_the_detail_names_the_rule() {
    let world = World::open().await;
    let service = world.serve();
    let rule =
        Rule { content_types: Some(vec![ContentTypeName::Text("application/json".into())]), ..issuer_rule() };
    service.must(world.policy(&service.ledger, vec![rule])).await;
    let words = "Signed Statement not accepted by the current Registration Policy: rule `issuers`";
    refused(&world, &service, "Rejected", &[("text/plain", world.statement(1), words)]).await;
}

#[tokio::test]
async fn control_statements_of_another_log_are_rejected() {
    let (world, other) = (World::open().await, World::closed());
    let service = world.serve();
    let foreign = other.policy(&other.serve().ledger, vec![issuer_rule()]);
    let answer = service.post(foreign).await;
    assert_eq!(answer.status.as_u16(), 400);
    let (title, _) = answer.concise();
    assert!(["Rejected", "Unknown Issuer Key", "Invalid Signature"].contains(&title.as_str()), "{title}");
    assert_eq!(service.size(), 5);
}

#[tokio::test]
async fn hash_envelopes_of_bad_form_are_malformed() {
    let world = World::open().await;
    let service = world.serve();
    let envelope = || {
        StatementBuilder::new(ISSUER, "urn:example:envelope").hash_envelope(
            -16,
            Some(ContentType::Text("text/plain".into())),
            None,
        )
    };
    let short = envelope().sign(&[7; 31], &world.issuer).unwrap();
    let both = Forged::good(&world.issuer)
        .with(258, Some(Value::from(-16)))
        .payload(Some(&[7; 32]))
        .sign(&world.issuer);
    let inputs = [("31 bytes of SHA-256", short, PARSED), ("3 beside 258", both, PARSED)];
    refused(&world, &service, "Malformed request", &inputs).await;
    service.must(envelope().sign(&[7; 32], &world.issuer).unwrap()).await;
}

#[tokio::test]
async fn a_body_or_a_statement_over_the_limit_is_413() {
    let mut world = World::open().await;
    world.limits.body_bytes = 2000;
    let service = world.serve();
    let detail = service.post(vec![0; 2001]).await.refused(413, "Statement Too Large");
    assert!(detail.contains("at most 2000 bytes"), "{detail}");
    let declared = [("content-type", "application/cose"), ("content-length", "2001")];
    let declared = request(axum::http::Method::POST, "/entries", &declared, Body::empty());
    service.send(declared).await.refused(413, "Statement Too Large");

    let policy = Policy { rules: vec![issuer_rule()], ..Policy::closed(world.operator.public_key().clone()) };
    let policy = Policy { max_statement_bytes: 1000, ..policy };
    service.must(world.signed_policy(&service.ledger, policy)).await;
    let large = StatementBuilder::new(ISSUER, "s").sign(&[0; 1000], &world.issuer).unwrap();
    assert!(large.len() < 2000);
    let detail = service.post(large).await.refused(413, "Statement Too Large");
    assert!(detail.contains("at most 1000 bytes"), "{detail}");
    assert_eq!(service.size(), 6);
}
