//! What is asked of a service: registrations one by one, and reads of one kind.

#[cfg(test)]
mod tests;

use super::engine::{Requests, Tally};
use super::wire::Answer;
use proofs::cbor;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use url::Url;

/// Where a service is, as requests name it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    host: String,
    /// The path of the service, `/` at its end.
    prefix: String,
}

impl Place {
    pub(super) fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path = url.path();
        let prefix = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        Self { host, prefix }
    }

    /// The bytes of a GET.
    pub(super) fn get(&self, path: &str, accept: &str) -> Vec<u8> {
        let Self { host, prefix } = self;
        format!("GET {prefix}{path} HTTP/1.1\r\nhost: {host}\r\naccept: {accept}\r\n\r\n").into_bytes()
    }

    /// The head of a POST with a body of unknown length, from a producer.
    pub(super) fn stream(&self, path: &str, media: &str, token: &str) -> Vec<u8> {
        let Self { host, prefix } = self;
        format!(
            "POST {prefix}{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {media}\r\nauthorization: Bearer {token}\r\n\
             transfer-encoding: chunked\r\n\r\n"
        )
        .into_bytes()
    }

    /// The head of a POST with a body of this many bytes.
    pub(super) fn post(&self, path: &str, media: &str, length: usize, request: &mut Vec<u8>) {
        let Self { host, prefix } = self;
        request.clear();
        // Writing to a Vec does not fail.
        let _ = write!(
            request,
            "POST {prefix}{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {media}\r\naccept: {media}\r\n\
             content-length: {length}\r\n\r\n"
        );
    }
}

/// Which answers are kept for a look after the clock has stopped: every so many-th.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep(u64);

impl Keep {
    pub(super) const ALL: Self = Self(1);

    /// About this many of so many.
    pub(super) fn sample(of: u64, wanted: u64) -> Self {
        Self(of.div_ceil(wanted.max(1)).max(1))
    }

    pub(super) fn wants(self, n: u64) -> bool {
        n.is_multiple_of(self.0.max(1))
    }
}

/// Statements shared with whoever verifies their receipts.
pub(super) type Statements = Arc<Vec<Vec<u8>>>;

/// Registrations, one a request.
pub(super) struct Register {
    pub(super) place: Place,
    pub(super) statements: Statements,
    pub(super) keep: Keep,
}

impl Requests for Register {
    fn write(&self, n: u64, request: &mut Vec<u8>) -> bool {
        let Some(statement) = usize::try_from(n).ok().and_then(|n| self.statements.get(n)) else {
            return false;
        };
        self.place.post("entries", "application/cose", statement.len(), request);
        request.extend_from_slice(statement);
        true
    }

    fn read(&self, n: u64, answer: &Answer<'_>, tally: &mut Tally) {
        match answer.status {
            201 => {
                tally.done = tally.done.saturating_add(1);
                if self.keep.wants(n) {
                    tally.kept.push((n, answer.body.to_vec()));
                }
            }
            status => tally.error(refusal(status), answer.body),
        }
    }
}

/// Registrations, many a request: `POST /entries/batch`, CBOR sequences both ways.
pub(super) struct Batches {
    pub(super) place: Place,
    pub(super) statements: Statements,
    /// How many statements a request has; the last one may have fewer.
    pub(super) size: NonZeroUsize,
    pub(super) keep: Keep,
}

impl Batches {
    /// The number of the first statement of request `n`, and its statements.
    fn statements(&self, n: u64) -> Option<(u64, &[Vec<u8>])> {
        let first = usize::try_from(n).ok()?.checked_mul(self.size.get())?;
        let end = first.saturating_add(self.size.get()).min(self.statements.len());
        let statements = self.statements.get(first..end).filter(|statements| !statements.is_empty())?;
        Some((u64::try_from(first).ok()?, statements))
    }
}

impl Requests for Batches {
    fn write(&self, n: u64, request: &mut Vec<u8>) -> bool {
        let Some((_, statements)) = self.statements(n) else { return false };
        let length = statements.iter().map(Vec::len).sum();
        self.place.post("entries/batch", "application/cbor-seq", length, request);
        statements.iter().for_each(|statement| request.extend_from_slice(statement));
        true
    }

    fn read(&self, n: u64, answer: &Answer<'_>, tally: &mut Tally) {
        let Some((first, statements)) = self.statements(n).filter(|_| answer.status == 200) else {
            return tally.error(refusal(answer.status), answer.body);
        };
        let mut items = cbor::sequence(answer.body);
        for (n, _) in (first..).zip(statements) {
            let item = items.next().and_then(Result::ok).and_then(|range| answer.body.get(range));
            match item {
                Some(receipt) if receipt.first() == Some(&TAG_18) => {
                    tally.done = tally.done.saturating_add(1);
                    if self.keep.wants(n) {
                        tally.kept.push((n, receipt.to_vec()));
                    }
                }
                Some(problem) => tally.error("refused in a batch".to_owned(), problem),
                None => tally.error("no item in the answer to a batch".to_owned(), &[]),
            }
        }
        if items.next().is_some() {
            tally.error("more items than statements in a batch".to_owned(), &[]);
        }
    }
}

/// The byte a COSE_Sign1 begins with (RFC 9052 §4.2).
const TAG_18: u8 = 0xd2;

/// Reads of things that are there, one after the other and from the start again.
pub(super) struct Read {
    /// Whole requests.
    pub(super) requests: Vec<Vec<u8>>,
    pub(super) keep: Keep,
}

impl Read {
    fn which(&self, n: u64) -> usize {
        let count = u64::try_from(self.requests.len()).unwrap_or(u64::MAX);
        usize::try_from(n.checked_rem(count).unwrap_or(0)).unwrap_or(0)
    }
}

impl Requests for Read {
    fn write(&self, n: u64, request: &mut Vec<u8>) -> bool {
        let Some(bytes) = self.requests.get(self.which(n)) else { return false };
        request.clear();
        request.extend_from_slice(bytes);
        true
    }

    fn read(&self, n: u64, answer: &Answer<'_>, tally: &mut Tally) {
        match answer.status {
            200 => {
                tally.done = tally.done.saturating_add(1);
                if self.keep.wants(n) {
                    let which = u64::try_from(self.which(n)).unwrap_or(u64::MAX);
                    tally.kept.push((which, answer.body.to_vec()));
                }
            }
            status => tally.error(refusal(status), answer.body),
        }
    }
}

/// The kind under which a status is counted.
pub(super) fn refusal(status: u16) -> String {
    format!("HTTP {status}")
}
