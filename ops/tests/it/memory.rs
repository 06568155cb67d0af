//! Invariant 9 from outside: a thousand slow uploads cannot take more than their share.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::log::Log;
use crate::machine;
use crate::server::Server;
use crate::statements::Issuer;
use crate::wire::{Connection, STATEMENT, head};

const UPLOADS: usize = 1000;
const BODY: usize = 1 << 20;
const CHUNK: usize = 64 << 10;
const MEMORY: u64 = 512 << 20;

/// One client that never finishes: how much of its body it could send, and whether it was answered.
struct Upload {
    socket: TcpStream,
    sent: usize,
    /// The first bytes of an answer, or that the connection is gone.
    ended: Option<Vec<u8>>,
}

impl Upload {
    fn begin(server: &Server) -> Self {
        let connection = Connection::open(server.address).unwrap();
        let mut socket = connection.socket().try_clone().unwrap();
        socket.write_all(head("POST", "/entries", STATEMENT, BODY).as_bytes()).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, sent: 0, ended: None }
    }

    /// Sends what the server takes now, but never the last byte; whether anything moved.
    fn push(&mut self, chunk: &[u8]) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let mut answer = [0; 512];
        match self.socket.read(&mut answer) {
            Ok(length) => {
                self.ended = Some(answer[..length].to_vec());
                return true;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => {
                self.ended = Some(Vec::new());
                return true;
            }
        }
        let length = chunk.len().min(BODY - 1 - self.sent);
        if length == 0 {
            return false;
        }
        match self.socket.write(&chunk[..length]) {
            Ok(written) => {
                self.sent += written;
                written > 0
            }
            Err(_) => false,
        }
    }
}

#[test]
fn a_thousand_slow_uploads_stay_within_their_bound() {
    let _machine = machine::alone();
    allow_open_files();
    let log = Log::create();
    let server = Server::start(&log);
    let issuer = Issuer::new(&log, "patient");
    issuer.be_trusted(&log, &server);
    let before = server.peak_memory();

    let mut uploads: Vec<Upload> = (0..UPLOADS).map(|_| Upload::begin(&server)).collect();
    let chunk = vec![0x5a; CHUNK];
    let mut served = Served::default();
    // A pass in which nothing moves and the well-behaved client was answered means that the server has taken
    // all that it is going to take. Several of them in a row make sure of it.
    let (mut quiet, mut n) = (0, 0);
    while quiet < 20 {
        let moved = uploads.iter_mut().filter_map(|upload| upload.push(&chunk).then_some(())).count();
        served.ask(&server, &issuer, n);
        n += 1;
        quiet = if moved == 0 { quiet + 1 } else { 0 };
    }
    let peak = server.peak_memory();
    let sent: usize = uploads.iter().map(|upload| upload.sent).sum();
    let refused = uploads.iter().filter(|upload| upload.ended.is_some()).count();
    machine::say(&format!(
        "memory: {UPLOADS} slow uploads sent {} MiB, {refused} were refused; peak memory {} MiB (before {} MiB); \
         a well-behaved client meanwhile: {served:?}",
        sent >> 20,
        peak >> 20,
        before >> 20
    ));
    assert!(peak < MEMORY, "{} MiB for slow uploads", peak >> 20);
    for upload in &uploads {
        if let Some(answer) = &upload.ended {
            let status = String::from_utf8_lossy(answer).split(' ').nth(1).map(str::to_owned);
            let known = matches!(status.as_deref(), None | Some("503" | "429" | "408"));
            assert!(known, "a slow upload was answered with {status:?}");
        }
    }
    assert!(served.health > 0, "nobody answered /healthz meanwhile: {served:?}");
    drop(uploads);

    // The places that the uploads held come back as the server notices that they are gone.
    let mut connection = server.connect();
    let healthy =
        (0..100_000).any(|_| connection.register(&issuer.statement(1 << 32)).unwrap().status == 201);
    assert!(healthy, "the server did not recover");
    assert!(server.peak_memory() < MEMORY);
    server.stop();
    log.assert_clean();
}

/// How the client that does everything right was answered meanwhile.
#[derive(Debug, Default)]
struct Served {
    health: usize,
    registered: usize,
    told_to_wait: usize,
}

impl Served {
    fn ask(&mut self, server: &Server, issuer: &Issuer, n: u64) {
        let mut connection = server.connect();
        let reply = connection.get("/healthz").unwrap();
        assert_eq!(reply.status, 200);
        self.health += 1;
        let reply = connection.register(&issuer.statement(n)).unwrap();
        match reply.status {
            201 => self.registered += 1,
            429 | 503 => {
                assert!(reply.header("retry-after").is_some(), "{} without Retry-After", reply.status);
                self.told_to_wait += 1;
            }
            other => panic!("a good statement got {other}: {}", reply.problem()),
        }
    }
}

/// The test and its server need a file descriptor for each connection.
fn allow_open_files() {
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, "--nofile=8192:"]).status();
    assert!(raised.is_ok_and(|status| status.success()), "the limit of open files cannot be raised to 8192");
}
