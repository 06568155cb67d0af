//! A log behind an address. Asked again when it does not answer, in a bounded number of tries.

use super::{FetchError, Source};
use crate::failure::Failure;
use crate::files;
use crate::http::{Client, HttpError, Reply, Transport};
use crate::submit::Patience;
use ledger::{Clock, SystemClock};
use proofs::note::MAX_NOTE_LEN;
use proofs::tile::entry_bundle::MAX_ENTRY_LEN;
use proofs::tile::{TILE_WIDTH, TileId, path};
use std::num::NonZeroU8;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// How long one resource is asked for in all, pauses included, and how often.
const PATIENCE: (Duration, u32) = (Duration::from_secs(120), 8);
/// The largest tile.
const MAX_TILE: usize = TILE_WIDTH * proofs::Hash::LEN;
/// The largest bundle.
const MAX_BUNDLE: usize = TILE_WIDTH * (MAX_ENTRY_LEN + 2);

/// A log at a prefix of an address.
pub(crate) struct HttpSource {
    client: Client,
    patience: Patience,
    token: Option<String>,
}

impl HttpSource {
    /// The log whose resources begin with `url`.
    pub(crate) fn new(url: &Url, transport: &Transport) -> Result<Self, Failure> {
        Self::patient(url, transport, Patience::of(PATIENCE.0, PATIENCE.1))
    }

    /// The same with another patience.
    pub(crate) fn patient(url: &Url, transport: &Transport, patience: Patience) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(url, transport)?, patience, token: None })
    }

    /// The same with a token for those who may read statements; nothing, if no file is named.
    pub(crate) fn with_token(mut self, file: Option<&Path>) -> Result<Self, Failure> {
        if let Some(file) = file {
            self.token = Some(files::read_text(file)?.trim().to_owned());
        }
        Ok(self)
    }

    /// One resource, asked for again while it cannot be had; `None` if it is not there.
    pub(crate) fn get(&self, path: &str, accept: &str, limit: usize) -> Result<Option<Reply>, FetchError> {
        let url = self.client.resource(path).map_err(|failure| FetchError::Refused(failure.message))?;
        let mut waits = self.patience.start();
        loop {
            let (why, retry_after) = match self.client.get_bounded(&url, accept, limit, self.token.as_deref())
            {
                Ok(reply) => match reply.status {
                    200 => return Ok(Some(reply)),
                    404 | 410 => return Ok(None),
                    408 | 429 | 500.. => (format!("{url}: {}", reply.problem()), reply.retry_after),
                    _ => return Err(FetchError::Refused(format!("{url}: {}", reply.problem()))),
                },
                Err(HttpError::NotTrusted(why)) => return Err(FetchError::Unreachable(why)),
                Err(HttpError::NobodyThere(why) | HttpError::Lost(why)) => (why, None),
            };
            let asked = retry_after.map(|after| after.wait(SystemClock.now()));
            match waits.next(asked) {
                Some(pause) => std::thread::sleep(pause),
                None => return Err(FetchError::Unreachable(why)),
            }
        }
    }

    fn bytes_of(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        Ok(self.get(path, "application/octet-stream, */*;q=0.1", limit)?.map(|reply| reply.body))
    }
}

impl Source for HttpSource {
    fn checkpoint(&self) -> Result<Vec<u8>, FetchError> {
        let reply = self.get("checkpoint", "text/plain, */*;q=0.1", MAX_NOTE_LEN)?;
        let absent =
            || FetchError::Refused("there is no log at this address: it has no checkpoint".to_owned());
        reply.map(|reply| reply.body).ok_or_else(absent)
    }

    fn tile(&self, id: TileId, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        self.bytes_of(&path::tile(id, width), MAX_TILE)
    }

    fn bundle(&self, index: u64, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        self.bytes_of(&path::entries(index, width), MAX_BUNDLE)
    }
}
