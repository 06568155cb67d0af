//! What a store answers when it does not do what it was asked. One variant a reaction, one clear line each.

use proofs::tile::TileId;
use proofs::{LeafIndex, TreeHead, TreeSize, UnixTime};

use crate::commit::IndexName;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The commit does not continue what the store holds. Nothing was written, and the store works on.
    #[error("the commit was refused and nothing was written: {0}")]
    Conflict(ConflictKind),
    /// What is stored is not what was written. The store is not to be used.
    #[error(
        "the log is damaged: {what} ({detail}); keep this folder as it is and restore a backup of all of it"
    )]
    Corrupt {
        /// What does not hold.
        what: CorruptKind,
        /// Where, and what was found there.
        detail: String,
    },
    /// The store cannot work. After a commit failed with this, whether it was written is unknown until the store is
    /// opened again, and every later commit fails.
    #[error("the store cannot go on: {detail}; mend the cause, then start again")]
    Unavailable {
        /// What failed, in the words of whoever noticed.
        detail: String,
    },
    /// Another process has the folder open.
    #[error("another process has this log open; stop it first, or name another folder")]
    Locked,
    /// The folder does not hold a log, or making one in it was interrupted.
    #[error("this folder holds no log; name the folder of one, or make one with `stele init`")]
    NotALog,
    /// The log was written in another format.
    #[error(
        "this log has storage format {found}, and this program reads format {expected}; use a release that reads {found}"
    )]
    WrongVersion {
        /// The format in the folder.
        found: u32,
        /// The only format this program reads and writes.
        expected: u32,
    },
    /// The log was put back from a copy, and nobody has found out yet whether it went on without it.
    #[error(
        "this log was restored from a backup and may not be written yet; `stele serve` and `stele incident` say what is missing"
    )]
    Restored,
    /// A log was to be made in a folder that has something in it.
    #[error("the folder is not empty, and a log is only made in an empty one; name another folder")]
    AlreadyExists,
}

impl StoreError {
    /// A label for metrics, the same for every error of a kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::Corrupt { .. } => "corrupt",
            Self::Unavailable { .. } => "unavailable",
            Self::Locked => "locked",
            Self::NotALog => "not_a_log",
            Self::WrongVersion { .. } => "wrong_version",
            Self::Restored => "restored",
            Self::AlreadyExists => "already_exists",
        }
    }
}

/// The law a commit would have broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConflictKind {
    /// Compare-and-set failed: the commit was made for another head.
    #[error("it continues {}, but the store holds {}", show(*base), show(*held))]
    Base {
        /// What the store holds.
        held: Option<TreeHead>,
        /// What the commit was made for.
        base: Option<TreeHead>,
    },
    /// The new size is not the old size and the entries added, or no entry is added.
    #[error("{added} entries do not take the log from size {old} to size {new}")]
    Size {
        /// The size held.
        old: TreeSize,
        /// The number of entries in the commit.
        added: u64,
        /// The size of the new head.
        new: TreeSize,
    },
    /// The head's time is before that of the head held.
    #[error("its time {new} is before {old}, the time of the newest head")]
    Time {
        /// The time held.
        old: UnixTime,
        /// The time of the commit.
        new: UnixTime,
    },
    /// The tile does not begin with what is stored of it, or is not a tile, or comes twice.
    #[error("tile {} of level {} would not grow by appending", _0.index, _0.level)]
    Tile(TileId),
    /// The key leads to another leaf already.
    #[error("a key of index {} leads to leaf {held} and cannot lead to leaf {leaf}", index.0)]
    Row {
        /// The index.
        index: IndexName,
        /// Where the key leads.
        held: LeafIndex,
        /// Where the commit would have it lead.
        leaf: LeafIndex,
    },
    /// The leaf is not in the tree, or erased already, or one of the rows to be deleted does not lead to it.
    #[error("leaf {0} cannot be erased as the commit would have it")]
    Erasure(LeafIndex),
    /// The key is too long, or the leaf is not in the tree, or a list's key does not end with a new leaf.
    #[error("a row of index {} has a key that is too long or of another form, or its leaf {leaf} is not in the tree", index.0)]
    RowForm {
        /// The index.
        index: IndexName,
        /// Where the row leads.
        leaf: LeafIndex,
    },
}

fn show(head: Option<TreeHead>) -> String {
    head.map_or_else(
        || "an empty log".to_owned(),
        |head| format!("size {} with root {}", head.size, head.root),
    )
}

/// What does not hold in a damaged store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CorruptKind {
    /// The newest commits do not read back.
    #[error("its write-ahead log does not read back as it was written")]
    WriteAheadLog,
    /// The database refuses its own files, or one is missing.
    #[error("its database files do not read back as they were written")]
    Database,
    /// A stored value has not the form it was written in, or one that must be there is missing.
    #[error("a stored value is missing or malformed")]
    Value,
    /// The marker of the newest commit is missing or unreadable.
    #[error("the marker of its newest commit is missing or unreadable")]
    Marker,
    /// The database holds less than was committed.
    #[error("its database ends before its newest commit")]
    Shorter,
    /// The database holds another history than was committed.
    #[error("its database holds another history than was committed")]
    Forked,
}
