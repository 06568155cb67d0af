//! Tiles and checkpoints that were served under load: whether they are those of the log.

#[cfg(test)]
mod tests;

use super::Checked;
use crate::commands::policy::InForce;
use crate::failure::Failure;
use crate::http::Client;
use ledger::control::Genesis;
use proofs::checkpoint::open_checkpoint;
use proofs::note::ed25519_vkey;
use proofs::tile::{TILE_WIDTH, path};
use proofs::{Checkpoint, EntryId, Hash, NodeReader, NoteVerifierKey, SignedStatement, TileId, TiledNodes};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Verifies against the checkpoint key that the genesis statement fixes.
pub(in super::super) struct TreeVerifier {
    key: NoteVerifierKey,
}

impl TreeVerifier {
    /// Asks the service for its genesis statement, whose digest is the log's id.
    pub(in super::super) fn of(client: &Client, in_force: &InForce) -> Result<Self, Failure> {
        let genesis = client.fetch(&format!("statements/{}", in_force.log_id), "application/cose")?;
        Self::from_genesis(&genesis, &in_force.log_id)
    }

    fn from_genesis(statement: &[u8], log_id: &EntryId) -> Result<Self, Failure> {
        let unusable = |why: &dyn std::fmt::Display| {
            Failure::refused(format_args!("the log's genesis statement cannot be used: {why}"))
        };
        let statement =
            SignedStatement::parse(statement, statement.len()).map_err(|error| unusable(&error))?;
        if statement.entry_id() != *log_id {
            return Err(unusable(&"it is not the one that the log id names"));
        }
        let genesis = Genesis::from_json(statement.payload()).map_err(|error| unusable(&error))?;
        let bytes = genesis.checkpoints.ed25519_bytes();
        let key = bytes.and_then(|bytes| ed25519_vkey(&genesis.origin, &bytes).ok());
        Ok(Self { key: key.ok_or_else(|| unusable(&"it names no checkpoint key"))? })
    }

    /// The checkpoint in a note, if the log signed it.
    pub(in super::super) fn open(&self, note: &[u8]) -> Result<Checkpoint, String> {
        open_checkpoint(note, &self.key).map_err(|error| error.to_string())
    }

    pub(in super::super) fn checkpoints(&self, notes: &[(u64, Vec<u8>)]) -> Checked {
        let mut checked = Checked::default();
        notes.iter().for_each(|(_, note)| checked.note(self.open(note).map(|_| ())));
        checked
    }

    /// Hashes full tiles of the lowest level, each with its index, up to the root that the newest checkpoint signs.
    pub(in super::super) fn tiles(
        &self,
        client: &Client,
        tiles: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> Result<Checked, Failure> {
        let note = client.fetch("checkpoint", "text/plain")?;
        let checkpoint = self.open(&note).map_err(Failure::refused)?;
        let fetch = |id: TileId| {
            let width = id.partial_width_at(checkpoint.head.size);
            client.fetch(&path::tile(id, width), "application/octet-stream")
        };
        Ok(prove(&checkpoint, tiles, &fetch))
    }
}

/// `fetch` gives the tiles above those that are proven.
fn prove(
    checkpoint: &Checkpoint,
    tiles: impl Iterator<Item = (u64, Vec<u8>)>,
    fetch: &dyn Fn(TileId) -> Result<Vec<u8>, Failure>,
) -> Checked {
    let mut checked = Checked::default();
    let above: RefCell<BTreeMap<TileId, Vec<u8>>> = RefCell::default();
    for (index, bytes) in tiles {
        let this = TileId { level: 0, index };
        let one = |id: &TileId| -> Result<Option<Vec<u8>>, Failure> {
            if *id == this {
                return Ok(Some(bytes.clone()));
            }
            if let Some(known) = above.borrow().get(id) {
                return Ok(Some(known.clone()));
            }
            let fetched = fetch(*id)?;
            above.borrow_mut().insert(*id, fetched.clone());
            Ok(Some(fetched))
        };
        let nodes =
            TiledNodes::open(checkpoint.head, |ids: &[TileId]| ids.iter().map(one).collect()).proven();
        let proven: Result<_, proofs::tile::TileError<Failure>> = nodes.read(&[this.first_node()]);
        checked.note(match proven {
            Ok(_) if bytes.len() == TILE_WIDTH * Hash::LEN => Ok(()),
            Ok(_) => Err(format!("a full tile is not {TILE_WIDTH} hashes")),
            Err(error) => Err(format!("tile {index}: {}", why(&error))),
        });
    }
    checked
}

fn why(error: &proofs::tile::TileError<Failure>) -> String {
    match error {
        proofs::tile::TileError::Fetch(failure) => failure.message.clone(),
        proofs::tile::TileError::Contradicts(id) => {
            format!("tile {} of level {} contradicts the tile above", id.index, id.level)
        }
        proofs::tile::TileError::RootMismatch => {
            "the right edge does not lead to the root of the checkpoint".to_owned()
        }
        _ => "it is not what the checkpoint implies".to_owned(),
    }
}
