//! Against a peer that answers byte for byte what a test says.

use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Answers each request, of a known length, with the next of these texts, in pieces; then closes.
fn peer(request: usize, answers: Vec<Vec<&'static [u8]>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for pieces in answers {
            stream.read_exact(&mut vec![0; request]).unwrap();
            for piece in pieces {
                stream.write_all(piece).unwrap();
                stream.flush().unwrap();
            }
        }
    });
    address
}

/// Status and body, or the kind of error; and whether the connection can go on.
type Found = (Result<(u16, Vec<u8>), String>, bool);

/// What each request gets.
fn ask(answers: Vec<Vec<&'static [u8]>>) -> Vec<Found> {
    let count = answers.len();
    let address = peer(4, answers);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = Connection::open(address).await.unwrap();
        let mut found = Vec::new();
        for _ in 0..count {
            let answer = connection.exchange(b"ping").await;
            let answer = answer.map(|answer| (answer.status, answer.body.to_vec())).map_err(|e| e.kind());
            found.push((answer, connection.is_usable()));
        }
        found
    })
}

fn one(pieces: &[&'static [u8]]) -> Found {
    ask(vec![pieces.to_vec()]).remove(0)
}

#[test]
fn answers_follow_each_other_on_one_connection() {
    let found = ask(vec![
        vec![b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\nlocation: /entries/x\r\n\r\nhello"],
        vec![b"HTTP/1.1 204 No Content\r\n\r\n"],
        vec![b"HTTP/1.1 200 OK\r\nContent-", b"Length: 3\r\n\r", b"\nab", b"c"],
    ]);
    let bodies: Vec<_> = found.into_iter().map(|(answer, usable)| (answer.unwrap(), usable)).collect();
    let expected =
        [((201, b"hello".to_vec()), true), ((204, Vec::new()), true), ((200, b"abc".to_vec()), true)];
    assert_eq!(bodies, expected);
}

#[test]
fn chunks_are_put_together() {
    let head: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(one(&[head, b"3\r\nabc\r\n", b"2\r", b"\nde\r\n0\r\n\r\n"]).0, Ok((200, b"abcde".to_vec())));
    let broken = Err("unreadable answer: its chunks are wrong".to_owned());
    assert_eq!(one(&[head, b"3\r\nabcde\r\n0\r\n\r\n"]).0, broken);
    assert_eq!(one(&[head, b"zz\r\n"]).0, broken);
}

#[test]
fn a_connection_that_is_closed_is_not_used_again() {
    let (answer, usable) = one(&[b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"]);
    assert_eq!((answer, usable), (Ok((200, Vec::new())), false));
    let (answer, usable) = one(&[b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"]);
    assert_eq!((answer, usable), (Ok((200, Vec::new())), false));
    let (answer, usable) = one(&[b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]);
    assert_eq!((answer, usable), (Err("connection closed".to_owned()), false));
}

#[test]
fn what_is_no_answer_is_told_by_kind() {
    for (text, kind) in [
        (&b"SSH-2.0-OpenSSH\r\n\r\n"[..], "its head is no HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "it does not tell its length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", "its length is no number"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "it is too large"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", "there is more than the answer"),
    ] {
        let (answer, usable) = one(&[text]);
        assert_eq!(answer, Err(format!("unreadable answer: {kind}")));
        assert!(!usable);
    }
}

#[test]
fn an_answer_larger_than_the_buffer_is_read_whole() {
    let body = vec![7_u8; 3 * BUFFER];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let whole: &'static [u8] = Box::leak([head.as_bytes(), &body].concat().into_boxed_slice());
    assert_eq!(one(&[whole]).0, Ok((200, body)));
}

#[test]
fn nobody_there_is_told() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let broken = runtime.block_on(Connection::open(address)).err().unwrap();
    assert_eq!(broken.kind(), "cannot connect: connection refused");
}
