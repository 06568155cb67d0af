//! Does one signed head continue another? Answered from tiles that are proven against one of the two, so that a false
//! answer of the log is an error and never an accusation.

use super::{ProvenLog, SignedHead, Source, WatchError};
use proofs::{CompactRange, Hash, TreeSize};

/// How a newly fetched head relates to the newest one that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Succession {
    /// It is the same head.
    Same,
    /// It continues the known one.
    Grown,
    /// It is an earlier head of the same log: what a cache, or a log restored from a backup, shows.
    Stale,
    /// Both were signed, and they cannot both be true.
    Contradicts(Box<Equivocation>),
}

/// Two heads by one key that cannot both be true (CKPT-04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Equivocation {
    pub(crate) known: SignedHead,
    pub(crate) other: SignedHead,
    /// The root that the longer of the two trees has at the size of the shorter.
    pub(crate) recomputed: Hash,
}

impl std::fmt::Display for Equivocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (known, other) = (self.known.head, self.other.head);
        if known.size == other.size {
            let (size, one, two) = (known.size, known.root, other.root);
            return write!(f, "the log signed two roots at size {size}: {one} and {two}");
        }
        let (short, long) = if known.size < other.size { (known, other) } else { (other, known) };
        write!(
            f,
            "the log signed two histories: at size {} it signed root {}, but under the head it signed at size {} the \
             root there is {}",
            short.size, short.root, long.size, self.recomputed
        )
    }
}

/// Compares `other` with the known head. Asks the log for at most two tiles a level.
pub(crate) fn succeeds(
    known: &SignedHead,
    other: &SignedHead,
    source: &dyn Source,
) -> Result<Succession, WatchError> {
    if known.head.size == other.head.size {
        return Ok(if known.head.root == other.head.root {
            Succession::Same
        } else {
            contradicts(known, other, other.head.root)
        });
    }
    let grown = known.head.size < other.head.size;
    let (short, long) = if grown { (known, other) } else { (other, known) };
    if short.head.size > TreeSize::EMPTY {
        let log = ProvenLog::new(source, long.head);
        let size = short.head.size;
        let hashes = log.nodes(&CompactRange::node_ids(size))?;
        let root = root_of(size, hashes);
        if root != Some(short.head.root) {
            return Ok(contradicts(known, other, root.unwrap_or(long.head.root)));
        }
    }
    Ok(if grown { Succession::Grown } else { Succession::Stale })
}

/// The root of the tree that consists of these perfect subtrees, which are as many as were asked for.
fn root_of(size: TreeSize, nodes: Vec<Hash>) -> Option<Hash> {
    CompactRange::from_nodes(size, nodes).ok().map(|range| range.root())
}

fn contradicts(known: &SignedHead, other: &SignedHead, recomputed: Hash) -> Succession {
    Succession::Contradicts(Box::new(Equivocation { known: known.clone(), other: other.clone(), recomputed }))
}
