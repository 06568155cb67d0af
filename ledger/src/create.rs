//! Founding a log: genesis, the first policy and the first trust anchors, in one commit (D3).

use bytes::Bytes;
use proofs::checkpoint::Origin;
use proofs::{EntryId, LeafIndex, SignedStatement, Signer, UnixTime};
use storage::{IndexRow, LogStore, NewEntry};

use crate::clock::Clock;
use crate::collateral::Collateral;
use crate::control::{Genesis, LogIdentity, genesis_statements};
use crate::error::CreateError;
use crate::governance::Governance;
use crate::ledger::Keys;
use crate::publisher::sign_and_persist;
use crate::rows;
use crate::sequencer::integrate::{Edge, integrate};

/// Creates the log that `genesis` describes in an empty store and publishes its first checkpoint. Gives the log id.
///
/// The policy admits nobody but the operator (D3).
///
/// # Errors
///
/// [`CreateError`]. If the checkpoint could not be written, the store holds a log without one, which does not open:
/// start again with an empty store.
pub fn create(
    store: &dyn LogStore,
    genesis: &Genesis,
    keys: &Keys,
    operator: &dyn Signer,
    clock: &dyn Clock,
) -> Result<EntryId, CreateError> {
    if store.head()?.is_some() {
        return Err(CreateError::Exists);
    }
    let origin = Origin::new(&genesis.origin)?;
    let statements = genesis_statements(genesis, operator)?;
    let now = clock.now();
    let parsed = parse(&statements)?;
    let log_id = parsed.first().map(SignedStatement::entry_id).ok_or(CreateError::Exists)?;
    // What we are about to store must be what opening the log will accept.
    let mut controls = (0u64..).map(LeafIndex::new).zip(parsed.clone());
    if let Some((_, first)) = controls.next() {
        Governance::open(&first, controls)?;
    }

    let identity = LogIdentity { log_id, genesis: genesis.clone() };
    let first = (0u64..).zip(&parsed).map(|(at, statement)| first_entry(at, statement, &identity, now));
    let (entries, rows): (Vec<NewEntry>, Vec<Vec<IndexRow>>) = first.unzip();
    let rows = rows.into_iter().flatten().collect();
    let growth = integrate(None, &Edge::empty(), entries, rows, now).map_err(|_| CreateError::TreeFull)?;
    let head = growth.commit.head;
    store.commit(growth.commit)?;
    sign_and_persist(origin, &head, keys, store)?;
    Ok(log_id)
}

fn parse(statements: &[Vec<u8>]) -> Result<Vec<SignedStatement>, CreateError> {
    statements.iter().map(|bytes| Ok(SignedStatement::parse(bytes, bytes.len())?)).collect()
}

fn first_entry(
    at: u64,
    statement: &SignedStatement,
    identity: &LogIdentity,
    now: UnixTime,
) -> (NewEntry, Vec<IndexRow>) {
    let index = LeafIndex::new(at);
    let id = statement.entry_id();
    let rows = rows::of_entry(statement, index, identity, None);
    let entry = NewEntry {
        entry: *id.as_bytes(),
        registered_at: now,
        statement: Bytes::copy_from_slice(statement.canonical()),
        collateral: founding_collateral(at, now).encode().into(),
    };
    (entry, rows)
}

/// What is recorded of the entries that found a log: only the third was judged, under the first policy (D3).
pub(crate) fn founding_collateral(at: u64, now: UnixTime) -> Collateral {
    Collateral {
        policy: (at >= 2).then_some(LeafIndex::new(1)),
        anchors: None,
        evaluated_at: now,
        registered_at: now,
        key: None,
        anchor: None,
        rule: None,
        stripped_x5chain: Vec::new(),
        examined: None,
    }
}
