use super::*;
use crate::http::{Client, Transport};
use axum::routing::get;
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
    let files = tls::Files { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let (mut doors, address) = doors();
    doors.tls = Some(RustlsAcceptor::new(tls::config(&files).unwrap()));
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
