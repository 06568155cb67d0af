use super::*;
use crate::http::{Client, Transport};
use axum::routing::get;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn doors() -> (Doors, SocketAddr) {
    let public = listen(SocketAddr::from(([127, 0, 0, 1], 0)), PUBLIC).unwrap();
    let address = public.local_addr().unwrap();
    let doors = Doors {
        app: Router::new().route("/", get(|| async { "hello" })),
        public,
        private: None,
        tls: None,
        connections: 4,
        head_timeout: Duration::from_secs(3_600),
        head_bytes: 20_480,
    };
    (doors, address)
}

async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_dead_sequencer_ends_the_service() {
    for result in [Some(Err(Fatal::TreeFull)), None, Some(Ok(()))] {
        let (doors, address) = doors();
        let handle = Handle::new();
        let servers = doors.open(&handle).unwrap();
        assert!(ask(address).await.ends_with("hello"));
        let (sender, threads) = unbounded_channel();
        sender.send(Ended { name: "sequencer", result }).unwrap();
        let ending = until_stopped(Stop::listen().unwrap(), handle, servers, threads, Duration::ZERO).await;
        assert_eq!(ending.unwrap_err().exit, crate::failure::Exit::Local);
        assert!(TcpStream::connect(address).await.is_err(), "nobody new is let in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_served_and_only_a_trusted_certificate_is_talked_to() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = tls::Files {
        certificate: folder.path().join("c.pem"),
        key: folder.path().join("k.pem"),
        client_ca: None,
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let (mut doors, address) = doors();
    doors.tls = Some(tls::Named(RustlsAcceptor::new(tls::config(&files).unwrap())));
    let handle = Handle::new();
    let servers = doors.open(&handle).unwrap();

    let url = url::Url::parse(&format!("https://localhost:{}", address.port())).unwrap();
    let fetch = |tls_ca| {
        let transport = Transport { tls_ca, request_timeout: 10 };
        let client = Client::new(&url, &transport).unwrap();
        tokio::task::block_in_place(|| client.fetch("", "text/plain"))
    };
    assert_eq!(fetch(Some(files.certificate.clone())).unwrap(), b"hello");
    let failure = fetch(None).unwrap_err();
    assert!(failure.message.starts_with("no TLS with https://localhost:"), "{}", failure.message);
    assert!(failure.hint.unwrap().contains("--tls-ca"));
    handle.shutdown();
    servers.await.unwrap().unwrap();
}

/// Which of the two is spoken is agreed within the handshake (RFC 9113 §3.2).
#[tokio::test]
async fn http_2_is_spoken_over_tls_with_whoever_offers_it() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = tls::Files {
        certificate: folder.path().join("c.pem"),
        key: folder.path().join("k.pem"),
        client_ca: None,
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let (mut doors, address) = doors();
    doors.tls = Some(tls::Named(RustlsAcceptor::new(tls::config(&files).unwrap())));
    let handle = Handle::new();
    let servers = doors.open(&handle).unwrap();

    let connect = async |offered: &[&[u8]]| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()
    };
    let stream = connect(&[b"http/1.1", b"h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the service prefers it");
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = axum::http::Request::get("https://localhost/").body(()).unwrap();
    let (answer, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
    let mut answer = answer.await.unwrap();
    assert_eq!(
        (answer.status(), answer.version()),
        (axum::http::StatusCode::OK, axum::http::Version::HTTP_2)
    );
    assert_eq!(answer.body_mut().data().await.unwrap().unwrap(), "hello");

    for (offered, agreed) in [(&[&b"http/1.1"[..]][..], Some(&b"http/1.1"[..])), (&[], None)] {
        let mut stream = connect(offered).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    }
    handle.shutdown();
    servers.await.unwrap().unwrap();
}

/// A certificate with these names, below `issuer` or its own; and its key.
fn certified(names: &[&str], issuer: Option<&Issuer<'_, KeyPair>>) -> (CertificateParams, String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    for name in names {
        let name = match name.contains(':') {
            true => SanType::URI((*name).try_into().unwrap()),
            false => SanType::DnsName((*name).try_into().unwrap()),
        };
        params.subject_alt_names.push(name);
    }
    let made = match issuer {
        Some(issuer) => params.signed_by(&key, issuer).unwrap(),
        None => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.self_signed(&key).unwrap()
        }
    };
    (params, made.pem(), key)
}

/// What the service is told of a client: the names in a certificate that the configured authority signed, and nothing of
/// one without. A certificate of somebody else opens no connection.
#[tokio::test(flavor = "multi_thread")]
async fn the_names_in_a_clients_certificate_are_told_to_its_requests() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let server = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (server, server_key) = (server.cert.pem(), server.signing_key.serialize_pem());
    let (authority, authority_pem, authority_key) = certified(&[], None);
    let files = tls::Files {
        certificate: file("c.pem", &server),
        key: file("k.pem", &server_key),
        client_ca: Some(file("clients.pem", &authority_pem)),
    };
    let told = |names: Option<axum::Extension<api::ClientNames>>| async move {
        names.map_or_else(|| "nothing".to_owned(), |names| format!("{:?}", names.0))
    };
    let (mut doors, address) = doors();
    doors.app = Router::new().route("/", get(told));
    doors.tls = Some(tls::Named(RustlsAcceptor::new(tls::config(&files).unwrap())));
    let handle = Handle::new();
    let servers = doors.open(&handle).unwrap();

    let ask = |client: Option<(&str, &KeyPair)>| {
        let certificate = |pem: &str| ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap().to_owned();
        let shown = client.map(|(pem, key)| {
            let key = ureq::tls::PrivateKey::from_pem(key.serialize_pem().as_bytes()).unwrap();
            ureq::tls::ClientCert::new_with_certs(&[certificate(pem)], key)
        });
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ureq::tls::TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(ureq::tls::RootCerts::new_with_certs(&[certificate(&server)]))
            .client_cert(shown)
            .build();
        let agent = ureq::Agent::config_builder().tls_config(tls).proxy(None).build().new_agent();
        let url = format!("https://localhost:{}/", address.port());
        tokio::task::block_in_place(|| agent.get(url).call()?.body_mut().read_to_string())
    };
    let issuer = Issuer::new(authority, authority_key);
    let names = ["spiffe://acme.example/ci", "ci.acme.example"];
    let (_, good, key) = certified(&names, Some(&issuer));
    assert_eq!(ask(Some((&good, &key))).unwrap(), format!("ClientNames({names:?})"));
    assert_eq!(ask(None).unwrap(), "ClientNames([])", "everybody may ask, by no name");
    let (other, _, other_key) = certified(&[], None);
    let (_, forged, key) = certified(&names, Some(&Issuer::new(other, other_key)));
    assert!(ask(Some((&forged, &key))).is_err());
    handle.shutdown();
    servers.await.unwrap().unwrap();
}

#[tokio::test]
async fn draining_waits_for_both_threads_and_tells_the_first_failure() {
    let (sender, threads) = unbounded_channel();
    sender.send(Ended { name: "sequencer", result: Some(Ok(())) }).unwrap();
    sender.send(Ended { name: "publisher", result: Some(Ok(())) }).unwrap();
    drop(sender);
    assert!(drain(threads).await.is_ok());

    let (sender, threads) = unbounded_channel();
    sender.send(Ended { name: "sequencer", result: Some(Ok(())) }).unwrap();
    sender.send(Ended { name: "publisher", result: None }).unwrap();
    drop(sender);
    let failure = drain(threads).await.unwrap_err();
    assert!(failure.message.contains("publisher"), "{}", failure.message);
    assert!(failure.hint.unwrap().contains("start the service again"));
}

#[test]
fn a_thread_that_panics_is_told_apart() {
    let (sender, mut threads) = unbounded_channel();
    start_thread("sequencer", sender, || panic!("a test of the last resort")).unwrap();
    assert!(threads.blocking_recv().unwrap().result.is_none());
}

#[test]
fn a_store_is_closed_by_its_last_holder_and_not_waited_for_without_end() {
    let store = Arc::new(());
    let held = Arc::clone(&store);
    assert!(last_holder(Arc::clone(&store), Duration::ZERO).is_none());
    let (letting_go, told) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        told.recv().unwrap();
        drop(held);
    });
    letting_go.send(()).unwrap();
    assert!(last_holder(store, DRAIN).is_some());
    other.join().unwrap();
}
