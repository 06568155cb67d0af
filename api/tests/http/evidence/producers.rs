//! Who may hand in evidence.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use super::{TOKEN, event, post, producers, refused, send, trace, world};
use crate::support::{Answer, Service, World, request};

async fn with(service: &Service, path: &str, authorization: &[&str]) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.iter().map(|line| ("authorization", *line)));
    service.send(request(Method::POST, path, &headers, trace().into())).await
}

#[tokio::test]
async fn the_doors_are_closed_unless_the_operator_names_producers() {
    let world = World::closed();
    let service = world.serve();
    let problem = refused(&send(&service, trace()).await, 403, "Forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("/entries"), "{problem}");
    // SCRAPI's door says what it always said.
    let answer = with(&service, "/entries", &[]).await;
    refused(&answer, 415, "Unsupported Media Type");
    assert_eq!(service.size(), 3);
}

#[tokio::test]
async fn a_token_opens_them_and_nothing_tells_which_tokens_exist() {
    let world = world();
    let service = world.serve();
    let bearer = format!("Bearer {TOKEN}");
    let basic = |text: &str| format!("Basic {}", data_encoding::BASE64.encode(text.as_bytes()));
    let missing = with(&service, "/evidence", &[]).await;
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"evidence\"");
    let strip = |answer: &Answer| {
        let mut problem = refused(answer, 401, "Unauthorized");
        problem.as_object_mut().unwrap().remove("instance");
        (problem, answer.header("www-authenticate").to_owned())
    };
    for path in ["/evidence", "/entries"] {
        for lines in [
            &["Bearer another"][..],
            &["Bearer "],
            &["Bearer"],
            &[TOKEN],
            &[&format!("Bearer {TOKEN} ")],
            &[&bearer, &bearer],
            &["Basic %%"],
            &[&basic("acme")],
            &[&basic("acme:")],
            &[&basic(&format!("{TOKEN}:another"))],
        ] {
            assert_eq!(strip(&with(&service, path, lines).await), strip(&missing), "{lines:?}");
        }
    }
    assert_eq!(service.size(), 3);
    let accepted = [bearer.clone(), format!("bEARER  {TOKEN}"), basic(&format!(":{TOKEN}"))];
    for line in accepted.iter().chain([&basic(&format!("anybody:{TOKEN}"))]) {
        assert_eq!(with(&service, "/evidence", &[line]).await.status, 201, "{line}");
    }
}

/// The digest of nothing in the configuration does not let those in who bring nothing.
#[tokio::test]
async fn no_token_is_no_token_even_where_its_digest_is_configured() {
    let nothing = data_encoding::HEXLOWER.encode(proofs::sha256(b"").as_bytes());
    let world = World { evidence: producers(&json!({ "token_sha256": [nothing] })), ..World::closed() };
    let service = world.serve();
    for lines in [&[][..], &["Bearer "], &["Basic Og=="]] {
        refused(&with(&service, "/evidence", lines).await, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn a_token_reaches_as_far_as_the_operator_says() {
    for (more, path, refusal) in [
        (json!({ "systems": ["aigp"] }), "/evidence", "it is not for records of trace"),
        (json!({ "systems": ["aigp", "trace"] }), "/evidence", ""),
        (json!({ "subjects": ["spiffe://example.org/agent/other"] }), "/evidence", "about this subject"),
        (json!({ "subjects": ["spiffe://example.org/agent/seed"] }), "/entries", "about this subject"),
        (json!({ "subjects": ["spiffe://example.org/agent/"] }), "/entries", ""),
    ] {
        let world = World { evidence: producers(&more), ..World::closed() };
        let service = world.serve();
        let answer = post(&service, path, "application/json", trace()).await;
        if refusal.is_empty() {
            assert_eq!(answer.status, 201, "{more} {answer:?}");
        } else {
            let problem = refused(&answer, 403, "Forbidden");
            assert!(problem["detail"].as_str().unwrap().contains(refusal), "{problem}");
            assert_eq!(service.size(), 3);
        }
    }
}

/// Who ends TLS has verified the certificate; its names are the producer's.
#[tokio::test]
async fn a_certificate_names_its_producer_unless_a_token_is_presented() {
    let named =
        json!({ "token_sha256": [], "certificates": ["spiffe://acme.example/ci", "ci.acme.example"] });
    let mut evidence = producers(&named);
    let other = producers(
        &json!({ "id": "other", "token_sha256": [], "certificates": ["spiffe://other.example/ci"] }),
    );
    evidence.producers.extend(other.producers);
    evidence.check().unwrap();
    let world = World { evidence, ..World::closed() };
    let service = world.serve();
    let shown = |names: &[&str], headers: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/json")][..], headers].concat();
        let mut request = request(Method::POST, "/evidence", &headers, trace().into());
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        request.extensions_mut().insert(api::ClientNames::new(names));
        request
    };
    for names in [
        &[][..],
        &["spiffe://acme.example"],
        &["spiffe://acme.example/ci/2"],
        &["SPIFFE://acme.example/ci"],
        &["spiffe://acme.example/ci", "spiffe://other.example/ci"],
    ] {
        refused(&service.send(shown(names, &[])).await, 401, "Unauthorized");
    }
    let token = [("authorization", "Bearer unknown")];
    refused(&service.send(shown(&["spiffe://acme.example/ci"], &token)).await, 401, "Unauthorized");
    // What a client writes into its request says nothing.
    let claimed =
        [("x-client-names", "spiffe://acme.example/ci"), ("client-names", "spiffe://acme.example/ci")];
    refused(&service.send(shown(&[], &claimed)).await, 401, "Unauthorized");
    assert_eq!(service.size(), 3);
    for names in [&["spiffe://acme.example/ci"][..], &["unknown", "ci.acme.example"]] {
        let answer = service.send(shown(names, &[])).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["leaf_index"]), (201, &json!(3)), "{names:?}");
    }
}

/// Two producers have two entries of the same bytes: each is said to have sent them.
#[tokio::test]
async fn what_two_producers_send_is_told_apart() {
    let digest = |token: &str| data_encoding::HEXLOWER.encode(proofs::sha256(token.as_bytes()).as_bytes());
    let mut evidence = producers(&json!({}));
    let other = producers(&json!({ "id": "other", "token_sha256": [digest("b")] }));
    evidence.producers.extend(other.producers);
    evidence.check().unwrap();
    let world = World { evidence, ..World::closed() };
    let service = world.serve();
    let ours = send(&service, event(1).to_string()).await.json();
    let headers = [("content-type", "application/json"), ("authorization", "Bearer b")];
    let theirs = request(Method::POST, "/evidence", &headers, Body::from(event(1).to_string()));
    let theirs: Value = service.send(theirs).await.json();
    assert_ne!(ours["entry_id"], theirs["entry_id"]);
    assert_eq!(service.size(), 5);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let good = producers(&json!({})).producers.remove(0);
    let complaint = |change: &dyn Fn(&mut api::Producer)| {
        let mut producer = good.clone();
        change(&mut producer);
        let settings =
            api::EvidenceSettings { producers: vec![producer], ..api::EvidenceSettings::default() };
        settings.check().unwrap_err().to_string()
    };
    assert!(complaint(&|one| one.id = String::new()).contains("id has 1 to 512 bytes"));
    assert!(complaint(&|one| one.id = "a\nb".to_owned()).contains("no control characters"));
    assert!(complaint(&|one| one.doors.clear()).contains("its doors is empty"));
    assert!(complaint(&|one| one.token_sha256.clear()).contains("its token_sha256 is empty"));
    assert!(complaint(&|one| one.certificates = vec![String::new()]).contains("empty or another"));
    assert!(complaint(&|one| one.systems = Some(Vec::new())).contains("its systems is empty"));
    assert!(complaint(&|one| one.subjects = Some(Vec::new())).contains("its subjects is empty"));
    let twice = api::EvidenceSettings {
        producers: vec![good.clone(), api::Producer { id: "other".to_owned(), ..good.clone() }],
        ..api::EvidenceSettings::default()
    };
    assert!(twice.check().unwrap_err().to_string().contains("another producer's too"));
}
