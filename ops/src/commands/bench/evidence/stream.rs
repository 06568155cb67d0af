//! One connection: a stream of events out, and at the same time their results in.

use super::super::engine::Tally;
use super::super::jobs::{Keep, Place, refusal};
use super::events::Events;
use crate::failure::Failure;
use ledger::evidence::{Line, LineReader};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

/// Bytes sent in one chunk.
const CHUNK: usize = 64 * 1024;
/// The longest result line: one with as many findings as there can be.
const MAX_RESULT: usize = 256 * 1024;
/// The longest line of a head, and the largest chunk taken.
const MAX_LINE: u64 = 16 * 1024;
const MAX_CHUNK: usize = 64 * 1024 * 1024;
/// What a good result says of itself.
const GOOD: &str = "\"status\":201,";

/// Where streams go.
pub(super) struct Stream {
    pub(super) address: SocketAddr,
    pub(super) place: Place,
    pub(super) token: String,
    /// How long nothing may come.
    pub(super) patience: Duration,
    /// Which results are kept, by the number of their event.
    pub(super) keep: Keep,
}

impl Stream {
    /// Sends these events and reads a result for each.
    pub(super) fn run(&self, events: &Events, share: Range<u64>) -> Result<Tally, Failure> {
        let mut tally = Tally::new()?;
        tally.sent = share.end.saturating_sub(share.start);
        let broken = |error: io::Error| Failure::unreachable(format_args!("a stream broke: {error}"));
        let socket = TcpStream::connect(self.address).map_err(broken)?;
        let timeouts = socket.set_nodelay(true).and_then(|()| socket.set_read_timeout(Some(self.patience)));
        timeouts.and_then(|()| socket.set_write_timeout(Some(self.patience))).map_err(broken)?;
        let writing = socket.try_clone().map_err(broken)?;
        let (first, rest) = (share.start, share.clone());
        let (sent, read) = std::thread::scope(|scope| {
            let sending = scope.spawn(move || self.send(writing, events, rest));
            let read = self.receive(socket, first, &mut tally);
            (sending.join(), read)
        });
        if let Err(error) = read {
            tally.error(format!("a stream broke: {}", error.kind()), &[]);
        } else if !matches!(sent, Ok(Ok(()))) {
            tally.error("a stream could not be sent whole".to_owned(), &[]);
        }
        Ok(tally)
    }

    fn send(&self, mut socket: TcpStream, events: &Events, share: Range<u64>) -> io::Result<()> {
        socket.write_all(&self.place.stream("evidence", "application/x-ndjson", &self.token))?;
        let mut chunk = Vec::with_capacity(CHUNK.saturating_mul(2));
        for n in share {
            events.write(n, &mut chunk);
            chunk.push(b'\n');
            if chunk.len() >= CHUNK {
                flush(&mut socket, &mut chunk)?;
            }
        }
        if !chunk.is_empty() {
            flush(&mut socket, &mut chunk)?;
        }
        socket.write_all(b"0\r\n\r\n")
    }

    fn receive(&self, socket: TcpStream, first: u64, tally: &mut Tally) -> io::Result<()> {
        let mut answer = BufReader::with_capacity(CHUNK, socket);
        let status = head(&mut answer)?;
        let mut lines = LineReader::new(MAX_RESULT);
        let (mut n, mut chunk) = (first, Vec::new());
        loop {
            if !next_chunk(&mut answer, &mut chunk)? {
                return Ok(());
            }
            if status != 200 {
                tally.error(refusal(status), &chunk);
                return Ok(());
            }
            lines.push(&chunk);
            while let Some(line) = lines.next_line() {
                if let Line::Whole { bytes, .. } = line {
                    self.count(n, &bytes, tally);
                }
                n = n.saturating_add(1);
            }
        }
    }

    /// Results come in the order of the events, so the `n`th is about the `n`th.
    fn count(&self, n: u64, result: &[u8], tally: &mut Tally) {
        let text = std::str::from_utf8(result).unwrap_or_default();
        if !text.contains(GOOD) {
            let status = text.rsplit_once("\"status\":").and_then(|(_, rest)| rest.get(..3)?.parse().ok());
            return tally.error(refusal(status.unwrap_or(0)), result);
        }
        tally.done = tally.done.saturating_add(1);
        tally.in_time = tally.in_time.saturating_add(1);
        tally.bytes = tally.bytes.saturating_add(u64::try_from(result.len()).unwrap_or(0));
        if self.keep.wants(n) {
            tally.kept.push((n, result.to_vec()));
        }
    }
}

fn flush(socket: &mut TcpStream, chunk: &mut Vec<u8>) -> io::Result<()> {
    let size = format!("{:x}\r\n", chunk.len());
    chunk.splice(0..0, size.into_bytes());
    chunk.extend_from_slice(b"\r\n");
    socket.write_all(chunk)?;
    chunk.clear();
    Ok(())
}

fn line(answer: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    answer.take(MAX_LINE).read_line(&mut line)?;
    if line.ends_with("\r\n") { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The status of an answer; its headers are passed over (RFC 9112 §4).
fn head(answer: &mut impl BufRead) -> io::Result<u16> {
    let first = line(answer)?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    while line(answer)? != "\r\n" {}
    status.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The next chunk of the answer (RFC 9112 §7.1); false after the last one.
fn next_chunk(answer: &mut impl BufRead, chunk: &mut Vec<u8>) -> io::Result<bool> {
    let size = line(answer)?;
    let size = usize::from_str_radix(size.trim_end(), 16).ok().filter(|size| *size <= MAX_CHUNK);
    let size = size.ok_or(io::ErrorKind::InvalidData)?;
    chunk.resize(size, 0);
    answer.read_exact(chunk)?;
    if line(answer)? != "\r\n" {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(size > 0)
}
