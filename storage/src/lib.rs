//! One atomic [`Commit`], one consistent [`Snapshot`], and nothing else.
//!
//! The store keeps what the log is made of: entries, statements, collateral, tiles of the Merkle tree, index rows and
//! every committed head. It knows positions and hashes, not statements. What it promises stands at [`LogStore`]; every
//! store passes the one suite in [`contract`].
//!
//! | store | feature | for |
//! |---|---|---|
//! | [`RocksStore`] | `rocks` | logs that must survive: RocksDB embedded in the process |
//! | [`MemoryStore`] | | the reference the other is compared with; injects failures into the rooms above |

pub mod commit;
#[doc(hidden)]
pub mod contract;
pub mod error;
pub mod memory;
#[cfg(feature = "rocks")]
pub mod rocks;
pub mod store;

pub use commit::{Commit, Erased, Erasure, Head, IndexName, IndexRow, NewEntry, TilePut};
pub use error::{ConflictKind, CorruptKind, StoreError};
pub use memory::{Fault, MemoryStore, Tamper};
#[cfg(feature = "rocks")]
pub use rocks::{Durability, RocksStore, Settings, StoreNumbers, SyncedWrite};
pub use store::{EntryRow, LogStore, Snapshot};
