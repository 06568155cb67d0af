use super::*;
use ledger::PrivateKey;
use ledger::control::{GENESIS_FORMAT, genesis_statements};
use ledger::signer::KeyAlgorithm;
use proofs::checkpoint::sign_checkpoint;
use proofs::{Algorithm, CompactRange, Hash, Origin, Signer, leaf_hash};

/// A tree of 1,000 leaves: three full tiles and one that is not.
struct Tree {
    tiles: BTreeMap<TileId, Vec<u8>>,
    checkpoint: Checkpoint,
}

impl Tree {
    fn new() -> Self {
        let (mut range, mut tiles) = (CompactRange::empty(), BTreeMap::<TileId, Vec<u8>>::new());
        for n in 0_u64..1000 {
            let mut put = |node, hash: Hash| {
                let run = TileId::for_node(node);
                if run.len == 1 {
                    tiles.entry(run.tile).or_default().extend_from_slice(hash.as_bytes());
                }
            };
            range.append(leaf_hash(&n.to_be_bytes()), &mut put).unwrap();
        }
        Self {
            tiles,
            checkpoint: Checkpoint { origin: Origin::new("ts.example").unwrap(), head: range.head() },
        }
    }

    fn check(&self, tiles: &[(u64, Vec<u8>)]) -> Checked {
        let fetch = |id: TileId| self.tiles.get(&id).cloned().ok_or_else(|| Failure::refused("no such tile"));
        prove(&self.checkpoint, tiles.iter().cloned(), &fetch)
    }

    fn tile(&self, index: u64) -> Vec<u8> {
        self.tiles[&TileId { level: 0, index }].clone()
    }
}

#[test]
fn tiles_of_the_log_lead_to_its_root() {
    let tree = Tree::new();
    let tiles: Vec<_> = (0..3).map(|index| (index, tree.tile(index))).collect();
    assert_eq!(tree.check(&tiles), Checked { verified: 3, wrong: 0, first: None });
}

#[test]
fn a_tile_with_a_wrong_bit_or_at_another_place_does_not() {
    let tree = Tree::new();
    let mut damaged = tree.tile(1);
    damaged[5000] ^= 1;
    let found = tree.check(&[(0, tree.tile(0)), (1, damaged), (2, tree.tile(0)), (1, tree.tile(1))]);
    assert_eq!((found.verified, found.wrong), (2, 2));
    assert_eq!(found.first.as_deref(), Some("tile 1: tile 1 of level 0 contradicts the tile above"));
    let short = tree.check(&[(0, tree.tile(0)[..8160].to_vec())]);
    assert_eq!((short.verified, short.wrong), (0, 1));
    let beyond = tree.check(&[(4, tree.tile(0))]);
    assert_eq!((beyond.verified, beyond.wrong), (0, 1));
}

#[test]
fn checkpoints_are_those_of_the_key_in_the_genesis() {
    let key = || PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let (operator, checkpoints) = (key(), key());
    let genesis = Genesis {
        format: GENESIS_FORMAT,
        issuer: "https://ts.example".to_owned(),
        origin: "ts.example".to_owned(),
        receipts: key().with_algorithm(Algorithm::EdDsa).unwrap().public_key().clone(),
        checkpoints: checkpoints.public_key().clone(),
        checkpoints_ml_dsa_44: None,
        registrar: key().public_key().clone(),
        operator: operator.public_key().clone(),
    };
    let [statement, ..] = genesis_statements(&genesis, &operator).unwrap();
    let id = SignedStatement::parse(&statement, statement.len()).unwrap().entry_id();
    let verifier = TreeVerifier::from_genesis(&statement, &id).unwrap();
    let checkpoint = Tree::new().checkpoint;
    let good = sign_checkpoint(&checkpoint, &checkpoints).unwrap();
    let foreign = sign_checkpoint(&checkpoint, &operator).unwrap();
    assert_eq!(verifier.open(good.as_bytes()), Ok(checkpoint));
    let notes = [(0, good.into_bytes()), (0, foreign.into_bytes()), (0, b"no note".to_vec())];
    let found = verifier.checkpoints(&notes);
    assert_eq!((found.verified, found.wrong), (1, 2));

    let other = EntryId::from_bytes([7; 32]);
    assert!(TreeVerifier::from_genesis(&statement, &other).err().unwrap().message.contains("log id"));
    assert!(TreeVerifier::from_genesis(b"nothing", &id).is_err());
}
