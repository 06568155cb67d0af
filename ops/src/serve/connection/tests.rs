use super::*;
use crate::serve::tests::{pass, stopped_clock};
use axum_server::accept::DefaultAcceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let (client, server) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

#[tokio::test]
async fn one_connection_too_many_is_closed_until_a_place_is_free() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guard = Guard::new(DefaultAcceptor, 1, Duration::from_secs(3_600));
    let (_first_client, first) = pair(&listener).await;
    let (_second_client, second) = pair(&listener).await;
    let (_third_client, third) = pair(&listener).await;
    let held = guard.accept(first, ()).await.unwrap();
    assert!(guard.accept(second, ()).await.is_err());
    drop(held);
    assert!(guard.accept(third, ()).await.is_ok());
}

#[tokio::test]
async fn a_silent_connection_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guard = Guard::new(DefaultAcceptor, 1, Duration::ZERO);
    let (_client, server) = pair(&listener).await;
    let (mut stream, _) = guard.accept(server, ()).await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up_and_one_that_does_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let much = vec![0; 1 << 20];
    let guard = Guard::new(DefaultAcceptor, 2, Duration::ZERO);
    let (_client, server) = pair(&listener).await;
    let (mut stream, _) = guard.accept(server, ()).await.unwrap();
    let error = loop {
        if let Err(error) = stream.write_all(&much).await {
            break error;
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);

    let guard = Guard::new(DefaultAcceptor, 2, Duration::from_secs(3_600));
    let (mut client, server) = pair(&listener).await;
    let (mut stream, _) = guard.accept(server, ()).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut taken = vec![0; 16 << 20];
        client.read_exact(&mut taken).await
    });
    for _ in 0..16 {
        stream.write_all(&much).await.unwrap();
    }
    assert!(stream.stalled.is_none(), "every write got on in the end");
    reading.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn once_the_protocol_is_known_the_deadline_is_gone() {
    let _clock = stopped_clock();
    let patience = Duration::from_secs(30);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guard = Guard::new(DefaultAcceptor, 1, patience);
    for (said, known) in [(&b"PRI"[..], false), (&[b'x'; PREFACE], true)] {
        let (mut client, server) = pair(&listener).await;
        let (mut stream, _) = guard.accept(server, ()).await.unwrap();
        client.write_all(said).await.unwrap();
        stream.read_exact(&mut vec![0; said.len()]).await.unwrap();
        tokio::select! {
            more = stream.read_u8() => {
                assert!(!known, "{more:?}");
                assert_eq!(more.unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
            () = pass(patience * 10, patience) => assert!(known, "PRI may still become anything"),
        }
    }
}

#[tokio::test]
async fn small_writes_leave_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guard = Guard::new(DefaultAcceptor, 1, Duration::from_secs(3_600));
    let (_client, server) = pair(&listener).await;
    assert!(!server.nodelay().unwrap(), "the system's default");
    let (stream, _) = guard.accept(server, ()).await.unwrap();
    assert!(stream.inner.nodelay().unwrap());
}
