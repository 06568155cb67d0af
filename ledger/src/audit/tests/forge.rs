//! A dishonest operator, who has every key of the service and writes the history anew.

use std::sync::Arc;

use bytes::Bytes;
use proofs::checkpoint::Origin;
use proofs::{LeafIndex, SignedStatement, TreeHead, UnixTime, sha256};
use storage::memory::MemoryStore;
use storage::{IndexRow, LogStore, NewEntry};

use crate::collateral::Collateral;
use crate::publisher::sign_and_persist;
use crate::rows;
use crate::sequencer::integrate::{Edge, integrate};
use crate::testing::{NOW, World};

#[derive(Clone)]
pub(super) struct Row {
    pub(super) statement: Vec<u8>,
    pub(super) collateral: Vec<u8>,
    pub(super) ends_round: bool,
}

impl Row {
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Collateral)) {
        let mut record = Collateral::decode(&self.collateral).unwrap();
        change(&mut record);
        self.collateral = record.encode();
    }
}

pub(super) struct Forge {
    pub(super) rows: Vec<Row>,
}

impl Forge {
    /// The entries of an honest log, one a round but for the first three.
    pub(super) fn of(world: &World) -> Self {
        let snapshot = world.store.snapshot().unwrap();
        let size = snapshot.head().unwrap().tree.size.get();
        let row = |index| Row {
            statement: snapshot.statement(LeafIndex::new(index)).unwrap().unwrap().to_vec(),
            collateral: snapshot.collateral(LeafIndex::new(index)).unwrap().unwrap().to_vec(),
            ends_round: index >= 2,
        };
        Self { rows: (0..size).map(row).collect() }
    }

    /// A store with these entries, its tree and heads made for them, its checkpoint signed.
    pub(super) fn store(&self, world: &World) -> Arc<dyn LogStore> {
        let store = MemoryStore::new();
        let identity =
            world.try_open(crate::settings::Settings::default()).unwrap().ledger.identity().clone();
        let (mut edge, mut base): (Edge, Option<TreeHead>) = (Edge::empty(), None);
        let (mut entries, mut index_rows, mut known) = (Vec::new(), Vec::new(), Vec::new());
        for (at, row) in (0_u64..).map(LeafIndex::new).zip(&self.rows) {
            let entry = *sha256(&row.statement).as_bytes();
            let time =
                Collateral::decode(&row.collateral).map_or(UnixTime::from_secs(0), |r| r.registered_at);
            entries.push(NewEntry {
                entry,
                registered_at: time,
                statement: Bytes::from(row.statement.clone()),
                collateral: Bytes::from(row.collateral.clone()),
            });
            if !known.contains(&entry) {
                known.push(entry);
                index_rows.push(IndexRow { index: rows::ENTRY, key: entry.to_vec(), leaf: at });
            }
            let statement = SignedStatement::parse(&row.statement, row.statement.len()).unwrap();
            let examined = Collateral::decode(&row.collateral).ok().and_then(|record| record.examined);
            let more = rows::of_entry(&statement, at, &identity, examined.as_ref());
            index_rows.extend(more.into_iter().filter(|row| row.index != rows::ENTRY));
            if row.ends_round {
                let (entries, rows) = (std::mem::take(&mut entries), std::mem::take(&mut index_rows));
                let growth = integrate(base, &edge, entries, rows, time).unwrap();
                base = Some(growth.commit.head.tree);
                edge = growth.edge;
                store.commit(growth.commit).unwrap();
            }
        }
        let origin = Origin::new("ts.example/log").unwrap();
        let head = storage::Head { tree: base.unwrap(), time: UnixTime::from_secs(NOW) };
        sign_and_persist(origin, &head, &world.keys, &store).unwrap();
        Arc::new(store)
    }
}
