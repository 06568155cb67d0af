//! One kept connection: whole requests out, whole answers in, and as little as possible between.
//!
//! The load generator shares the machine with the service, so whatever it burns is missing there. It needs no more of
//! HTTP/1.1 (RFC 9112) than to send bytes made before and to find the end of an answer.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The largest answer taken: above every tile, and above a batch of a thousand receipts.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Room for one small answer; larger ones make it grow.
const BUFFER: usize = 16 * 1024;
/// More headers than any answer of a service has.
const MAX_HEADERS: usize = 32;

/// Why an exchange came to nothing.
#[derive(Debug)]
pub(super) enum Broken {
    /// No connection.
    Connect(io::Error),
    /// The service closed it before the answer was whole.
    Closed,
    /// The connection failed.
    Io(io::Error),
    /// What came back is no answer that can be read.
    Malformed(&'static str),
}

impl Broken {
    /// The kind it is counted under.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Connect(error) => format!("cannot connect: {}", error.kind()),
            Self::Closed => "connection closed".to_owned(),
            Self::Io(error) => format!("connection broke: {}", error.kind()),
            Self::Malformed(what) => format!("unreadable answer: {what}"),
        }
    }
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

/// A connection and its buffer.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// The bytes of a chunked answer, put together.
    joined: Vec<u8>,
    usable: bool,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self, Broken> {
        let stream = TcpStream::connect(address).await.map_err(Broken::Connect)?;
        stream.set_nodelay(true).map_err(Broken::Connect)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], filled: 0, joined: Vec::new(), usable: true })
    }

    /// Whether another request may be sent.
    pub(super) fn is_usable(&self) -> bool {
        self.usable
    }

    /// Sends a request and waits for the whole answer. After an error the connection is of no more use.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Broken> {
        self.usable = false;
        self.send(request).await?;
        self.filled = 0;
        let head = loop {
            self.fill().await?;
            if let Some(head) = Head::read(self.received())? {
                break head;
            }
        };
        let range = match head.body {
            Body::Length(length) => {
                let end = head.length.saturating_add(length);
                if end > MAX_ANSWER {
                    return Err(Broken::Malformed("it is too large"));
                }
                while self.filled < end {
                    self.fill().await?;
                }
                if self.filled > end {
                    return Err(Broken::Malformed("there is more than the answer"));
                }
                self.usable = head.keep;
                self.buffer.get(head.length..end)
            }
            Body::Chunked => {
                while !self.join(head.length)? {
                    self.fill().await?;
                }
                self.usable = head.keep;
                Some(self.joined.as_slice())
            }
        };
        let body = range.ok_or(Broken::Malformed("its length is wrong"))?;
        Ok(Answer { status: head.status, body })
    }

    fn received(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    async fn send(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let stream = &mut self.stream;
            let sent = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes)).await;
            match sent.map_err(Broken::Io)? {
                0 => return Err(Broken::Closed),
                sent => bytes = bytes.get(sent..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    /// Waits for more bytes.
    async fn fill(&mut self) -> Result<(), Broken> {
        if self.filled == self.buffer.len() {
            if self.filled >= MAX_ANSWER {
                return Err(Broken::Malformed("it is too large"));
            }
            self.buffer.resize(self.filled.saturating_mul(2), 0);
        }
        let (stream, room) = (&mut self.stream, self.buffer.get_mut(self.filled..).unwrap_or_default());
        let mut room = ReadBuf::new(room);
        poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut room)).await.map_err(Broken::Io)?;
        match room.filled().len() {
            0 => Err(Broken::Closed),
            more => {
                self.filled = self.filled.saturating_add(more);
                Ok(())
            }
        }
    }

    /// Puts the chunks behind the head together (RFC 9112 §7.1); false while the last one has not come.
    fn join(&mut self, start: usize) -> Result<bool, Broken> {
        let Self { buffer, filled, joined, .. } = self;
        let mut rest = buffer.get(start..*filled).unwrap_or_default();
        joined.clear();
        loop {
            let wrong = Broken::Malformed("its chunks are wrong");
            let (size_line, size) = match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) => return Ok(false),
                Err(_) => return Err(wrong),
            };
            let size = usize::try_from(size).ok().filter(|size| *size <= MAX_ANSWER).ok_or(wrong)?;
            let after = rest.get(size_line..).unwrap_or_default();
            let Some((chunk, behind)) = after.split_at_checked(size) else { return Ok(false) };
            let Some((end, behind)) = behind.split_at_checked(2) else { return Ok(false) };
            if end != b"\r\n" {
                // Only behind the last chunk something else may stand, a trailer, and no service sends one.
                return Err(Broken::Malformed("its chunks are wrong"));
            }
            if size == 0 {
                return Ok(true);
            }
            joined.extend_from_slice(chunk);
            rest = behind;
        }
    }
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Length(usize),
    Chunked,
}

/// What matters of the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    body: Body,
    keep: bool,
}

impl Head {
    /// None while it is not whole.
    fn read(bytes: &[u8]) -> Result<Option<Self>, Broken> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Broken::Malformed("its head is no HTTP/1.1")),
        };
        let status = response.code.unwrap_or_default();
        let mut body = None;
        let mut keep = response.version == Some(1);
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(header.value).ok();
                let length = text.and_then(|text| text.trim().parse().ok());
                body = Some(Body::Length(length.ok_or(Broken::Malformed("its length is no number"))?));
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                body = Some(Body::Chunked);
            } else if header.name.eq_ignore_ascii_case("connection") {
                keep = keep && !header.value.eq_ignore_ascii_case(b"close");
            }
        }
        let body = match status {
            204 | 304 => Body::Length(0),
            _ => body.ok_or(Broken::Malformed("it does not tell its length"))?,
        };
        Ok(Some(Self { status, length, body, keep }))
    }
}
