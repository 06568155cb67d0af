//! An HTTP/1.1 client of a few lines: one connection, one request at a time, nothing hidden. Tests that kill
//! the server need to know what was sent and what came back to the byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a read may wait. Only a server that hangs ever gets there.
const PATIENCE: Duration = Duration::from_secs(600);

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer read whole.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Title and detail, of either kind of problem details.
    pub(crate) fn problem(&self) -> String {
        match conformance::cose::decode(&self.body) {
            Ok(ciborium::Value::Map(map)) => {
                let text = |key| conformance::cose::get(&map, key).and_then(ciborium::Value::as_text);
                format!("{}: {}", text(-1).unwrap_or("?"), text(-2).unwrap_or("?"))
            }
            _ => String::from_utf8_lossy(&self.body).into_owned(),
        }
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::with_capacity(16 * 1024, stream) })
    }

    /// Sends a request whole.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        let mut request = head(method, path, headers, body.len()).into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer whole.
    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(broken)?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        if !(100..200).contains(&status) && status != 204 {
            // Every answer of the service has a length; a chunked one would be read as broken.
            let length =
                reply.header("content-length").and_then(|text| text.parse().ok()).ok_or_else(broken)?;
            reply.body.resize(length, 0);
            self.stream.read_exact(&mut reply.body)?;
        }
        Ok(reply)
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        self.send(method, path, headers, body)?;
        self.receive()
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.request("GET", path, &[], &[])
    }

    pub(crate) fn register(&mut self, statement: &[u8]) -> io::Result<Reply> {
        self.request("POST", "/entries", STATEMENT, statement)
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let end = line.strip_suffix("\r\n").ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        Ok(end.to_owned())
    }
}

/// Headers of a registration.
pub(crate) const STATEMENT: &[(&str, &str)] = &[("content-type", "application/cose")];

/// The head of a request with a body of a given length.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: stele.test\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if method != "GET" {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head + "\r\n"
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}
