//! What every resource does alike: failures that the framework makes, HEAD, request ids, rates.

use std::net::SocketAddr;

use api::Limits;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, StatusCode};

use crate::support::{PROBLEM_JSON, World, request};

#[tokio::test]
async fn scr_06_an_unknown_path_is_told_in_the_form_that_accept_prefers() {
    let world = World::closed();
    let service = world.serve();
    for path in [
        "/nowhere",
        "/operations/1",
        "/entries/",
        "/entries/a/b",
        "/.well-known/scitt-keys/",
        "//",
        "/ENTRIES",
    ] {
        service.get(path).await.refused(404, "Not Found");
        let json = service.get_with(path, &[("accept", "application/json")]).await;
        assert_eq!(
            (json.status, json.header("content-type")),
            (StatusCode::NOT_FOUND, PROBLEM_JSON),
            "{path}"
        );
        assert_eq!(json.json()["status"], 404);
    }
}

#[tokio::test]
async fn scr_06_a_wrong_method_is_405_with_allow() {
    let world = World::closed();
    let service = world.serve();
    let id = world.log_id;
    for (path, allow) in [
        ("/entries".to_owned(), "POST"),
        (format!("/entries/{id}"), "GET,HEAD"),
        (format!("/statements/{id}"), "GET,HEAD"),
        ("/.well-known/scitt-keys".to_owned(), "GET,HEAD"),
        ("/checkpoint".to_owned(), "GET,HEAD"),
    ] {
        for method in [Method::DELETE, Method::PUT, Method::OPTIONS, Method::from_bytes(b"BREW").unwrap()] {
            let answer = service.send(request(method, &path, &[], Body::empty())).await;
            answer.refused(405, "Method Not Allowed");
            assert_eq!(answer.header("allow"), allow, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "there is no CORS");
        }
    }
    let json = service.send(request(Method::POST, "/policy", &[], Body::empty())).await;
    assert_eq!((json.status, json.header("content-type")), (StatusCode::METHOD_NOT_ALLOWED, PROBLEM_JSON));
    assert_eq!(json.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn scr_01_scitt_paths_tell_failures_in_cbor_whatever_accept_says() {
    let world = World::closed();
    let service = world.serve();
    let json = [("accept", "application/json")];
    service.get_with("/entries/x", &json).await.refused(400, "Invalid locator");
    service.get_with("/.well-known/scitt-keys/x", &json).await.refused(404, "No such key");
    service.post_with(Body::empty(), &json).await.refused(406, "Not Acceptable");
    let put = request(Method::PUT, "/entries", &json, Body::empty());
    service.send(put).await.refused(405, "Method Not Allowed");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let world = World::closed();
    let service = world.serve();
    let id = world.log_id;
    for path in [
        "/".to_owned(),
        "/.well-known/scitt-keys".to_owned(),
        format!("/entries/{id}"),
        format!("/statements/{id}"),
        "/checkpoint".to_owned(),
        "/policy".to_owned(),
        "/openapi.json".to_owned(),
        "/healthz".to_owned(),
        "/nowhere".to_owned(),
        "/entries/x".to_owned(),
    ] {
        let get = service.get(&path).await;
        let head = service.send(request(Method::HEAD, &path, &[], Body::empty())).await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for name in ["content-type", "content-length", "cache-control", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert_eq!(get.header("content-length"), get.body.len().to_string(), "{path}");
        assert_eq!(get.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn scr_34_each_client_has_its_own_rate() {
    let mut world = World::closed();
    world.limits = Limits { rate_requests: 3, rate_period_s: 60, ..Limits::default() };
    let service = world.serve();
    let ask = async |peer: [u8; 4], path: &str| {
        let mut request = request(Method::GET, path, &[("x-forwarded-for", "203.0.113.1")], Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 4242))));
        service.send(request).await
    };
    for _ in 0..3 {
        assert_eq!(ask([192, 0, 2, 1], "/checkpoint").await.status, StatusCode::OK);
    }
    let refused = ask([192, 0, 2, 1], "/nowhere").await;
    assert_eq!(refused.refused(429, "Too Many Requests"), "Only 3 requests per minute are allowed.");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait));
    assert_eq!(ask([192, 0, 2, 2], "/checkpoint").await.status, StatusCode::OK);
    assert_eq!(ask([192, 0, 2, 1], "/readyz").await.status, StatusCode::OK, "probes have no rate");
}

#[tokio::test]
async fn scr_33_scr_34_a_full_service_is_503_with_retry_after() {
    let mut world = World::closed();
    world.limits =
        Limits { reads_in_flight: 0, registrations_in_flight: 0, busy_retry_s: 7, ..Limits::default() };
    let service = world.serve();
    for answer in [service.get("/checkpoint").await, service.post(world.statement(1)).await] {
        answer.refused(503, "Service Unavailable");
        assert_eq!(answer.header("retry-after"), "7");
    }
    assert_eq!(service.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_are_counted_at_the_edge() {
    let world = World::closed();
    let service = world.serve();
    service.get("/checkpoint").await;
    service.post(b"not cbor".to_vec()).await;
    let shown = api::metrics_router(service.registry.clone());
    let shown = tower::ServiceExt::oneshot(shown, request(Method::GET, "/metrics", &[], Body::empty()))
        .await
        .unwrap();
    let shown = axum::body::to_bytes(shown.into_body(), usize::MAX).await.unwrap();
    let shown = String::from_utf8(shown.to_vec()).unwrap();
    for line in [
        "stele_http_requests_total{class=\"2xx\",route=\"/checkpoint\"} 1",
        "stele_http_problems_total{kind=\"malformed-request\",route=\"/entries\"} 1",
        "stele_http_body_bytes_total 8",
        "stele_http_body_bytes_in_flight 0",
        "stele_http_requests_in_flight 0",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line} is missing from\n{shown}");
    }
}
