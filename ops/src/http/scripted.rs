//! A service of a few canned answers on a loopback port, for tests: one connection, one answer, in order.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use url::Url;

/// What a client asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `POST /entries`
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// A running script.
pub(crate) struct Script {
    pub(crate) url: Url,
    thread: JoinHandle<Vec<Asked>>,
}

/// One canned answer: status, headers, body. `{base}` in a header becomes the server's own address.
pub(crate) type Answer = (u16, &'static [(&'static str, &'static str)], &'static [u8]);

impl Script {
    pub(crate) fn play(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let url = Url::parse(&base).unwrap();
        let thread = std::thread::spawn(move || {
            answers
                .iter()
                .map(|answer| {
                    let (stream, _) = listener.accept().unwrap();
                    serve(stream, &base, answer)
                })
                .collect()
        });
        Self { url, thread }
    }

    /// Everything that was asked; call it after the last answer was taken.
    pub(crate) fn asked(self) -> Vec<Asked> {
        self.thread.join().unwrap()
    }
}

fn serve(mut stream: TcpStream, base: &str, (status, headers, body): &Answer) -> Asked {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_ascii_lowercase());
    }
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |value| value.parse::<usize>().unwrap());
    let mut sent = vec![0; length];
    reader.read_exact(&mut sent).unwrap();
    let mut answer =
        format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in *headers {
        answer.push_str(&format!("{name}: {}\r\n", value.replace("{base}", base)));
    }
    answer.push_str("\r\n");
    stream.write_all(answer.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let line = lines.remove(0);
    Asked { line: line.trim_end_matches(" http/1.1").to_owned(), headers: lines, body: sent }
}
