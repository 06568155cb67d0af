//! What the log may say: ids, routes and causes, and never what a client sent.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::Method;
use proofs::StatementBuilder;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{ISSUER, World, id_of, request};

/// Everything that any thread of this process logs, at every level.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

static LOG: LazyLock<Captured> = LazyLock::new(|| {
    let captured = Captured::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .init();
    captured
});

#[tokio::test]
async fn payloads_headers_and_paths_of_clients_are_never_logged() {
    let log = LOG.clone();
    let world = World::open().await;
    let service = world.serve();
    let secret = b"payload-4f1d0c5e-secret";
    let good = StatementBuilder::new(ISSUER, "urn:example:secret").sign(secret, &world.issuer).unwrap();
    let mut broken = good.clone();
    *broken.last_mut().unwrap() ^= 1;
    let headers = [("authorization", "Bearer secret-in-a-header"), ("x-request-id", "secret-in-an-id")];
    service.post_with(good.clone(), &headers).await;
    service.post_with(broken, &headers).await;
    service.post_with(secret.to_vec(), &headers).await;
    service.post_with(good[..good.len() - 3].to_vec(), &headers).await;
    service.get_with("/entries/secret-in-a-path?secret-in-a-query", &headers).await;
    service.get_with("/secret-in-a-path", &headers).await;
    service
        .send(request(Method::from_bytes(b"SECRET").unwrap(), "/", &headers, secret.to_vec().into()))
        .await;
    service.stop().await;

    let text = log.text();
    let id = id_of(&good).to_string();
    let line =
        text.lines().find(|line| line.contains(&id)).expect("a registration is logged under its entry id");
    for field in ["request_id=", "route=\"/entries\"", "leaf_index=5", "status=201", "took_ms="] {
        assert!(line.contains(field), "{field} is missing from {line}");
    }
    let secret = String::from_utf8_lossy(secret);
    let encodings =
        [data_encoding::HEXLOWER.encode(secret.as_bytes()), data_encoding::BASE64.encode(secret.as_bytes())];
    let debug = format!("{:?}", &secret.as_bytes()[..8]);
    for leak in [&*secret, "secret-in", &encodings[0], &encodings[1][..16], debug.trim_matches(['[', ']'])] {
        assert!(!text.contains(leak), "{leak} was logged");
    }
}
