//! `GET /`: what this is and where to go.

use std::fmt::Write;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{App, ROUTES};
use crate::media::{self, TEXT};

const WHAT: &str = "Stele is a SCITT transparency service: it checks signed statements against a \
                    registration policy that is itself on the log, appends them to an RFC 9162 Merkle \
                    log, and answers with receipts that anybody can verify offline.";

/// A page in plain text, or in JSON for a client that prefers it.
pub(crate) async fn landing(State(app): State<App>, headers: HeaderMap) -> Response {
    let identity = app.ledger.identity();
    let facts = [
        ("issuer", identity.genesis.issuer),
        ("log_id", identity.log_id.to_string()),
        ("origin", identity.genesis.origin),
    ];
    let mut response = if media::wants_json_page(&headers) {
        Json(as_json(app.public_url.as_str(), &facts)).into_response()
    } else {
        ([(CONTENT_TYPE, TEXT)], as_text(app.public_url.as_str(), &facts)).into_response()
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

fn as_json(base: &str, facts: &[(&str, String)]) -> Value {
    let routes = ROUTES.iter().map(|route| json!({ "path": route.shown(), "summary": route.summary }));
    let mut page =
        json!({ "service": "stele", "what": WHAT, "url": base, "routes": routes.collect::<Vec<_>>() });
    if let Some(object) = page.as_object_mut() {
        object.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))));
    }
    page
}

fn as_text(base: &str, facts: &[(&str, String)]) -> String {
    let mut page = format!("{WHAT}\n\n");
    for (name, value) in facts {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{name:<8}{value}");
    }
    page.push('\n');
    for route in ROUTES {
        let _ = writeln!(page, "{base}{:<40}{}", route.shown(), route.summary);
    }
    page
}
