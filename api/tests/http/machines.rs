//! The OpenAPI document against the service that it describes.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use serde_json::Value;

use crate::support::{World, request};

/// Every `$ref` in the document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.push(target);
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_lists_exactly_the_operations_of_the_service() {
    let world = World::closed();
    let service = world.serve();
    let document = service.get("/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    let document = document.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    // The landing page is made from the route table.
    let landing = service.get_with("/", &[("accept", "application/json")]).await.json();
    let routes = landing["routes"].as_array().unwrap().iter().map(|route| route["path"].as_str().unwrap());
    let routed: BTreeSet<_> = routes.collect();
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(routed, described);

    for (path, item) in paths {
        let concrete = path.replace("{entry_id}", &world.log_id.to_string()).replace("{kid}", "x");
        let concrete = concrete.replace("{level}", "0").replace("{place}", "000.p/3");
        let concrete = concrete.replace("{transaction}", "1.1").replace("{locator}", &"00".repeat(32));
        let answer = service.send(request(Method::OPTIONS, &concrete, &[], Body::empty())).await;
        let allowed: BTreeSet<_> = answer.header("allow").split(',').map(str::to_lowercase).collect();
        let mut operations: BTreeSet<_> = item.as_object().unwrap().keys().cloned().collect();
        if operations.contains("get") {
            operations.insert("head".to_owned());
        }
        assert_eq!(allowed, operations, "{path}");
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let world = World::closed();
    let document = world.serve().get("/openapi.json").await.json();
    let mut found = Vec::new();
    references(&document, &mut found);
    for target in &found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target} is not in the document");
    }
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let target = format!("#/components/{kind}/{name}");
            // Security schemes are referred to by their bare name.
            let named = kind == "headers" || kind == "securitySchemes";
            assert!(named || found.contains(&target.as_str()), "{target} is not used");
        }
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} twice");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let named: BTreeSet<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let resolve = |parameter: &Value| match parameter["$ref"].as_str() {
                Some(target) => document.pointer(&target[1..]).unwrap().clone(),
                None => parameter.clone(),
            };
            let parameters: Vec<_> =
                parameters.iter().map(resolve).filter(|parameter| parameter["in"] == "path").collect();
            let parameters: BTreeSet<_> =
                parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
            assert_eq!(parameters, named, "{method} {path}");
        }
    }
}

/// What was asked for is what the document promises: status and type of each answer.
#[tokio::test]
async fn answers_have_a_status_and_a_type_that_the_document_names() {
    let world = World::closed();
    let service = world.serve();
    let document = service.get("/openapi.json").await.json();
    let kid = world.keys.receipts.public_key().thumbprint();
    for path in document["paths"].as_object().unwrap().keys() {
        for (id, kid, query) in [
            (world.log_id.to_string(), kid.to_string(), "?from=1&to=3"),
            ("x".to_owned(), "x".to_owned(), "?from=3&to=1"),
            ("00".repeat(32), "AA".to_owned(), ""),
        ] {
            let concrete = path.replace("{entry_id}", &id).replace("{kid}", &kid) + query;
            let concrete = concrete.replace("{level}", if kid == "x" { "00" } else { "0" });
            let concrete = concrete.replace("{place}", if kid == "AA" { "001" } else { "000.p/3" });
            let concrete = concrete.replace("{transaction}", if kid == "AA" { "1.99" } else { "1.1" });
            let concrete = concrete.replace("{locator}", &id);
            for (accept, verb) in [("*/*", "get"), ("application/json", "get"), ("*/*", "post")] {
                let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
                let answer =
                    service.send(request(method, &concrete, &[("accept", accept)], Body::empty())).await;
                let operation = &document["paths"][path][verb];
                if operation.is_null() {
                    assert_eq!(answer.status.as_u16(), 405, "{verb} {concrete}");
                    continue;
                }
                let mut response = &operation["responses"][answer.status.as_str()];
                if let Some(target) = response["$ref"].as_str() {
                    response = document.pointer(&target[1..]).unwrap();
                }
                let content_type = answer.header("content-type").split(';').next().unwrap();
                assert!(response["content"].get(content_type).is_some(), "{verb} {concrete}: {answer:?}");
            }
        }
    }
}
