//! One head of a log, and everything below it read with proof, in parallel and in bounded memory.

use super::{FetchError, Source};
use crate::failure::Failure;
use proofs::tile::expected_bundle::{BundleError, ExpectedBundle};
use proofs::tile::{ProvenNodes, TileError, TileId, TiledNodes, tiles_with};
use proofs::{Hash, NodeId, NodeReader, TreeHead};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most tiles that are kept; each has at most 8 KiB.
const MAX_CACHED_TILES: usize = 4096;
/// How many bundles, at most, are fetched ahead of the one that is being used; the first time, before it is known how
/// large they are, fewer.
const AHEAD: u64 = 64;
const FIRST: u64 = 8;
/// How many bytes of entries are fetched ahead, as far as the bundles before are a guide. Twice as many may be in memory.
const AHEAD_BYTES: u64 = 32 * 1024 * 1024;
/// How many requests are under way at once.
const CONNECTIONS: usize = 8;
/// How many bundles one tile of level 1 vouches for.
const ROW: u64 = 256;

/// Why a log could not be read with proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WatchError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The tiles that came are not those of the signed head.
    #[error("what the log serves is not what it signed at size {size}: {what}")]
    NotWhatWasSigned {
        /// The size of the head.
        size: u64,
        /// The first thing that does not fit.
        what: String,
    },
    /// A thread that fetches ended without an answer.
    #[error("a thread that fetches ended without an answer")]
    NoAnswer,
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Fetch(FetchError::Unreachable(_)) => Self::unreachable(error),
            WatchError::Fetch(FetchError::Refused(_)) | WatchError::NotWhatWasSigned { .. } => {
                Self::refused(error)
            }
            WatchError::NoAnswer => Self::local(error),
        }
    }
}

/// A log as of one head.
pub(crate) struct ProvenLog<'a> {
    source: &'a dyn Source,
    head: TreeHead,
    cache: Mutex<HashMap<TileId, Vec<u8>>>,
}

/// A bundle whose entries are those of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) index: u64,
    /// The entries, one after the other.
    pub(crate) entries: Vec<Vec<u8>>,
    /// The tile of level 0 with their hashes.
    pub(crate) tile: Vec<u8>,
}

impl Bundle {
    /// The index of its first entry in the log.
    pub(crate) fn first(&self) -> u64 {
        TileId { level: 0, index: self.index }.first_node().index
    }

    /// The index of the entry behind its last one.
    pub(crate) fn end(&self) -> u64 {
        self.first().saturating_add(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }
}

/// Gives the bytes of a bundle that is at hand already; they are believed no more than others.
pub(crate) type AtHand<'a> = &'a (dyn Fn(u64) -> Option<Vec<u8>> + Sync);

type Fetch<'f> = Box<dyn Fn(&[TileId]) -> Result<Vec<Option<Vec<u8>>>, FetchError> + 'f>;

impl<'a> ProvenLog<'a> {
    pub(crate) fn new(source: &'a dyn Source, head: TreeHead) -> Self {
        Self { source, head, cache: Mutex::default() }
    }

    pub(crate) fn head(&self) -> TreeHead {
        self.head
    }

    /// The hashes of nodes, proven to be those under the head.
    pub(crate) fn nodes(&self, ids: &[NodeId]) -> Result<Vec<Hash>, WatchError> {
        self.proven().read(ids).map_err(|error| self.tile_error(error))
    }

    /// The content of one tile of level 1 or above, as wide as the head implies.
    pub(crate) fn tile(&self, id: TileId) -> Result<Vec<u8>, WatchError> {
        let NodeId { level, index } = id.first_node();
        let end = index.saturating_add(u64::from(id.width_at(self.head.size)));
        let ids: Vec<NodeId> = (index..end).map(|index| NodeId { level, index }).collect();
        Ok(self.nodes(&ids)?.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }

    /// Gives the bundles with these entries to `take`, whole and in order, while the next ones are fetched. What `take`
    /// fails with ends it, and is given back as it is.
    pub(crate) fn entries<E: From<WatchError>>(
        &self,
        entries: Range<u64>,
        have: AtHand<'_>,
        take: &mut dyn FnMut(Bundle) -> Result<(), E>,
    ) -> Result<(), E> {
        let bundles = tiles_with(entries);
        let mut at = ahead(bundles.start, bundles.end, FIRST);
        let mut next = Some(self.fetch_run(bundles.start..at, have)?);
        while let Some(run) = next.take() {
            let wanted = at..ahead(at, bundles.end, fitting(&run));
            at = wanted.end;
            let more = !wanted.is_empty();
            next = std::thread::scope(|scope| {
                let fetching = more.then(|| scope.spawn(|| self.fetch_run(wanted, have)));
                run.into_iter().try_for_each(&mut *take)?;
                let fetched = fetching.map(|thread| thread.join().unwrap_or(Err(WatchError::NoAnswer)));
                Ok::<_, E>(fetched.transpose()?)
            })?;
        }
        Ok(())
    }

    /// Fetches a short row of bundles at once.
    fn fetch_run(&self, bundles: Range<u64>, have: AtHand<'_>) -> Result<Vec<Bundle>, WatchError> {
        let expected = ExpectedBundle::read(self.head.size, bundles, &self.proven())
            .map_err(|error| self.tile_error(error))?
            .ok_or_else(|| self.not_signed(&"a tile has too few hashes"))?;
        let done = Mutex::new(Vec::with_capacity(expected.len()));
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(wanted) = expected.get(at) else { return };
                let bundle = self.bundle(wanted, have);
                if bundle.is_err() {
                    next.store(expected.len(), Ordering::Relaxed);
                }
                done.lock().unwrap_or_else(PoisonError::into_inner).push((at, bundle));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..CONNECTIONS.min(expected.len()) {
                scope.spawn(work);
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, bundle)| bundle).collect()
    }

    fn bundle(&self, expected: &ExpectedBundle, have: AtHand<'_>) -> Result<Bundle, WatchError> {
        let index = expected.index;
        let owned = |bytes: &[u8]| -> Result<Bundle, BundleError> {
            let checked = expected.check(bytes)?;
            let entries = checked.entries.iter().map(|entry| entry.to_vec()).collect();
            Ok(Bundle { index, entries, tile: checked.tile })
        };
        if let Some(bundle) = have(index).and_then(|bytes| owned(&bytes).ok()) {
            return Ok(bundle);
        }
        let width = TileId { level: 0, index }.partial_width_at(self.head.size);
        let mut bytes = self.source.bundle(index, width)?;
        if bytes.is_none() && width.is_some() {
            bytes = self.source.bundle(index, None)?;
        }
        let bytes = bytes.ok_or_else(|| self.not_signed(&format_args!("entry bundle {index} is missing")))?;
        owned(&bytes).map_err(|error| self.not_signed(&error))
    }

    fn proven(&self) -> ProvenNodes<Fetch<'_>> {
        let fetch: Fetch<'_> = Box::new(|ids| ids.iter().map(|id| self.one_tile(*id)).collect());
        TiledNodes::open(self.head, fetch).proven()
    }

    /// A tile out of the cache, or as the source has it: the partial one that the head implies, or the full one that it
    /// has become since (TILE-07).
    fn one_tile(&self, id: TileId) -> Result<Option<Vec<u8>>, FetchError> {
        if let Some(tile) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Some(tile.clone()));
        }
        let width = id.partial_width_at(self.head.size);
        let mut tile = self.source.tile(id, width)?;
        if tile.is_none() && width.is_some() {
            tile = self.source.tile(id, None)?;
        }
        if let Some(tile) = &tile {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            if cache.len() >= MAX_CACHED_TILES {
                cache.clear();
            }
            cache.insert(id, tile.clone());
        }
        Ok(tile)
    }

    fn tile_error(&self, error: TileError<FetchError>) -> WatchError {
        match error {
            TileError::Fetch(error) => error.into(),
            other => self.not_signed(&other),
        }
    }

    fn not_signed(&self, what: &dyn std::fmt::Display) -> WatchError {
        WatchError::NotWhatWasSigned { size: self.head.size.get(), what: what.to_string() }
    }
}

/// Where a run that begins at `at` ends: bounded, and within one row of bundles.
fn ahead(at: u64, end: u64, count: u64) -> u64 {
    let row = (at / ROW).saturating_add(1).saturating_mul(ROW);
    end.min(at.saturating_add(count)).min(row)
}

/// How many bundles like these may be fetched ahead.
fn fitting(run: &[Bundle]) -> u64 {
    let bytes: usize = run.iter().flat_map(|bundle| &bundle.entries).map(Vec::len).sum();
    let count = run.len().max(1);
    let each = u64::try_from(bytes / count).unwrap_or(u64::MAX).max(1);
    (AHEAD_BYTES / each).clamp(1, AHEAD)
}
