//! A log in memory that can be made to lie, for tests.

use super::{FetchError, Source, Trust};
use ledger::PrivateKey;
use ledger::signer::KeyAlgorithm;
use proofs::checkpoint::{Checkpoint, Origin, sign_checkpoint};
use proofs::note::ed25519_vkey;
use proofs::tile::{TileId, entry_bundle, path};
use proofs::tlog_policy::{LogKey, TlogPolicy};
use proofs::{CompactRange, Signer, TreeHead, leaf_hash};
use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::sync::Mutex;

pub(crate) const ORIGIN: &str = "log.example/watched";

/// What is served instead of the honest answer at a path.
pub(crate) type Lie = Box<dyn Fn(&str, Option<Vec<u8>>) -> Option<Vec<u8>> + Sync + Send>;

/// A log of the entries it is given.
pub(crate) struct FakeLog {
    key: PrivateKey,
    entries: Vec<Vec<u8>>,
    tiles: BTreeMap<TileId, Vec<u8>>,
    heads: Vec<TreeHead>,
    /// The size that its checkpoint is over.
    pub(crate) shown: usize,
    /// What it answers instead.
    pub(crate) lie: Option<Lie>,
    /// Every path that was asked for.
    pub(crate) asked: Mutex<Vec<String>>,
}

/// Entries that look like those of the service.
pub(crate) fn entries(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| proofs::sha256(n.to_string().as_bytes()).as_bytes().to_vec()).collect()
}

impl FakeLog {
    pub(crate) fn new(entries: Vec<Vec<u8>>) -> Self {
        Self::signed_by(PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap(), entries)
    }

    fn signed_by(key: PrivateKey, entries: Vec<Vec<u8>>) -> Self {
        let (mut range, mut tiles) = (CompactRange::empty(), BTreeMap::<TileId, Vec<u8>>::new());
        let mut heads = vec![range.head()];
        for entry in &entries {
            let mut put = |node, hash: proofs::Hash| {
                let run = TileId::for_node(node);
                if run.len == 1 {
                    tiles.entry(run.tile).or_default().extend_from_slice(hash.as_bytes());
                }
            };
            range.append(leaf_hash(entry), &mut put).unwrap();
            heads.push(range.head());
        }
        let shown = entries.len();
        Self { key, entries, tiles, heads, shown, lie: None, asked: Mutex::default() }
    }

    /// The log under the same key with another history.
    pub(crate) fn fork(&self, entries: Vec<Vec<u8>>) -> Self {
        Self::signed_by(PrivateKey::from_pem(&self.key.to_pem().unwrap()).unwrap(), entries)
    }

    pub(crate) fn head(&self, size: usize) -> TreeHead {
        self.heads[size]
    }

    pub(crate) fn entries(&self) -> &[Vec<u8>] {
        &self.entries
    }

    pub(crate) fn trust(&self) -> Trust {
        self.trust_with("quorum none\n")
    }

    pub(crate) fn trust_with(&self, policy: &str) -> Trust {
        let key = self.key.public_key().ed25519_bytes().unwrap();
        let key = LogKey::Ed25519(ed25519_vkey(ORIGIN, &key).unwrap());
        Trust::new(vec![key], TlogPolicy::parse(policy.as_bytes()).unwrap()).unwrap()
    }

    pub(crate) fn note(&self, head: TreeHead) -> Vec<u8> {
        let checkpoint = Checkpoint { origin: Origin::new(ORIGIN).unwrap(), head };
        sign_checkpoint(&checkpoint, &self.key).unwrap().into_bytes()
    }

    fn answer(&self, path: &str, honest: Option<Vec<u8>>) -> Option<Vec<u8>> {
        self.asked.lock().unwrap().push(path.to_owned());
        match &self.lie {
            Some(lie) => lie(path, honest),
            None => honest,
        }
    }

    /// How often something under this prefix was asked for.
    pub(crate) fn asked_for(&self, prefix: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|path| path.starts_with(prefix)).count()
    }
}

impl Source for FakeLog {
    fn checkpoint(&self) -> Result<Vec<u8>, FetchError> {
        let honest = self.note(self.heads[self.shown]);
        self.answer("checkpoint", Some(honest)).ok_or(FetchError::Unreachable("it is off".into()))
    }

    fn tile(&self, id: TileId, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        let wanted = width.map_or(256, |width| usize::from(width.get())) * 32;
        let honest = self.tiles.get(&id).and_then(|tile| tile.get(..wanted)).map(<[u8]>::to_vec);
        Ok(self.answer(&path::tile(id, width), honest))
    }

    fn bundle(&self, index: u64, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        let first = usize::try_from(index).unwrap() * 256;
        let wanted = width.map_or(256, |width| usize::from(width.get()));
        let honest = self.entries.get(first..first + wanted).map(|row| entry_bundle::encode(row).unwrap());
        Ok(self.answer(&path::entries(index, width), honest))
    }
}

/// Answers one path otherwise.
pub(crate) fn at(
    place: &'static str,
    change: impl Fn(Vec<u8>) -> Option<Vec<u8>> + Sync + Send + 'static,
) -> Option<Lie> {
    Some(Box::new(move |path, honest| if path == place { honest.and_then(&change) } else { honest }))
}

/// The id and vkey of a witness whose private key nobody holds.
pub(crate) fn witness() -> ([u8; 4], String) {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap().public_key().ed25519_bytes().unwrap();
    let digest = proofs::sha256(&[b"w.example\n\x04".as_slice(), &key].concat());
    let id: [u8; 4] = digest.as_bytes()[..4].try_into().unwrap();
    let typed = data_encoding::BASE64.encode(&[&[4_u8][..], &key].concat());
    (id, format!("w.example+{}+{typed}", data_encoding::HEXLOWER.encode(&id)))
}
