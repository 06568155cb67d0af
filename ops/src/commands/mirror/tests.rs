use super::*;
use crate::watch::FetchError;
use crate::watch::testing::{FakeLog, at, entries, witness};
use proofs::tile::{TileId, path};
use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every file of a copy but the copy's own notes.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, into);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                into.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found.retain(|name, _| !name.starts_with('.'));
    found
}

fn mirror(log: &FakeLog, root: &Path) -> Result<Done, Failure> {
    once(log, &log.trust(), &MirrorFolder::open(root)?)
}

/// What a reader of the copy finds, who has nothing but the files.
struct Reader<'a>(&'a Path);

impl Source for Reader<'_> {
    fn checkpoint(&self) -> Result<Vec<u8>, FetchError> {
        Ok(std::fs::read(self.0.join("checkpoint")).unwrap())
    }
    fn tile(&self, id: TileId, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        Ok(std::fs::read(self.0.join(path::tile(id, width))).ok())
    }
    fn bundle(&self, index: u64, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        Ok(std::fs::read(self.0.join(path::entries(index, width))).ok())
    }
}

fn copy_of_copy(log: &FakeLog, root: &Path) -> BTreeMap<String, Vec<u8>> {
    let second = tempfile::tempdir().unwrap();
    once(&Reader(root), &log.trust(), &MirrorFolder::open(second.path()).unwrap()).unwrap();
    files(second.path())
}

#[test]
fn tile_06_a_copy_is_byte_for_byte_the_log_at_every_edge() {
    for size in [1, 255, 256, 257, 511, 512, 65_536, 65_537, 66_000] {
        let folder = tempfile::tempdir().unwrap();
        let log = FakeLog::new(entries(size));
        let done = mirror(&log, folder.path()).unwrap();
        assert_eq!(done.head, log.head(size));
        for (name, bytes) in files(folder.path()) {
            let honest = if name == "checkpoint" {
                Some(log.checkpoint().unwrap())
            } else if let Some((index, width)) = path::parse_entries(&name) {
                log.bundle(index, width).unwrap()
            } else {
                let (id, width) = path::parse_tile(&name).unwrap();
                log.tile(id, width).unwrap()
            };
            assert_eq!(Some(bytes), honest, "{name} at size {size}");
        }
        // A copy of the copy needs nothing else.
        assert_eq!(copy_of_copy(&log, folder.path()), files(folder.path()));
    }
}

#[test]
fn a_copy_grows_with_the_log_and_sheds_what_it_has_outgrown() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = FakeLog::new(entries(1000));
    for size in [3, 200, 300, 300, 700, 1000] {
        log.shown = size;
        assert_eq!(mirror(&log, folder.path()).unwrap().head, log.head(size));
    }
    let fresh = tempfile::tempdir().unwrap();
    mirror(&log, fresh.path()).unwrap();
    let (mut grown, fresh) = (files(folder.path()), files(fresh.path()));
    // For a reader who still has the checkpoint before.
    for name in ["tile/0/002.p/188", "tile/entries/002.p/188", "tile/1/000.p/2"] {
        assert!(grown.remove(name).is_some(), "{name}");
    }
    assert_eq!(grown, fresh);
}

#[test]
fn attacks_leave_the_copy_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = FakeLog::new(entries(1000));
    log.shown = 600;
    mirror(&log, folder.path()).unwrap();
    let checkpoint = || std::fs::read(folder.path().join("checkpoint")).unwrap();
    let before = checkpoint();
    log.shown = 1000;
    for place in ["tile/entries/002", "tile/entries/003.p/232", "tile/1/000.p/3", "tile/0/003.p/232"] {
        log.lie = at(place, |mut bytes| {
            bytes[20] ^= 1;
            Some(bytes)
        });
        let failure = mirror(&log, folder.path()).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused, "{place}: {}", failure.message);
        assert!(failure.message.starts_with("what the log serves is not what it signed"), "{failure:?}");
        assert_eq!(checkpoint(), before);
    }
    log.lie = None;
    log.shown = 300;
    let failure = mirror(&log, folder.path()).unwrap_err();
    let rolled_back = "the log was rolled back: its checkpoint is over 300 entries, the copy has 600";
    assert_eq!((failure.message.as_str(), checkpoint()), (rolled_back, before.clone()));

    let mut other = entries(1000);
    other.swap(4, 5);
    let failure = mirror(&log.fork(other), folder.path()).unwrap_err();
    assert_eq!(failure.exit, Exit::Contradicted);
    assert!(failure.message.starts_with("the log signed two histories: at size 600 "), "{failure:?}");
    assert_eq!(checkpoint(), before);
    assert_eq!(files(folder.path()).keys().filter(|name| name.starts_with("evidence/")).count(), 3);

    let stranger = FakeLog::new(entries(1000));
    let failure = once(&stranger, &log.trust(), &MirrorFolder::open(folder.path()).unwrap()).unwrap_err();
    assert!(failure.message.starts_with("the log's checkpoint cannot be trusted: "), "{failure:?}");
}

#[test]
fn a_checkpoint_without_its_quorum_is_not_mirrored() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::new(entries(10));
    let trust = log.trust_with(&format!("witness w {}\nquorum w\n", witness().1));
    let failure = once(&log, &trust, &MirrorFolder::open(folder.path()).unwrap()).unwrap_err();
    assert!(failure.message.ends_with("0 witnesses cosigned the checkpoint, which is not the quorum"));
    assert!(files(folder.path()).is_empty());
}

/// A log whose connection breaks at the n-th request.
struct Breaking<'a>(&'a FakeLog, AtomicUsize);

impl Breaking<'_> {
    fn next(&self) -> Result<(), FetchError> {
        let left = self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| FetchError::Unreachable("it broke off".into()))
    }
}

impl Source for Breaking<'_> {
    fn checkpoint(&self) -> Result<Vec<u8>, FetchError> {
        self.next().and_then(|()| self.0.checkpoint())
    }
    fn tile(&self, id: TileId, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        self.next().and_then(|()| self.0.tile(id, width))
    }
    fn bundle(&self, index: u64, width: Option<NonZeroU8>) -> Result<Option<Vec<u8>>, FetchError> {
        self.next().and_then(|()| self.0.bundle(index, width))
    }
}

#[test]
fn a_copy_that_broke_off_anywhere_goes_on_and_fetches_only_what_it_lacks() {
    let mut log = FakeLog::new(entries(5_000));
    log.shown = 700;
    let folder = tempfile::tempdir().unwrap();
    mirror(&log, folder.path()).unwrap();
    log.shown = 5_000;
    let mut done = None;
    for budget in 0..100 {
        let breaking = Breaking(&log, AtomicUsize::new(budget));
        let outcome = once(&breaking, &log.trust(), &MirrorFolder::open(folder.path()).unwrap());
        // Whatever is there, a reader of the copy can use it whole.
        copy_of_copy(&log, folder.path());
        if let Ok(outcome) = outcome {
            done = Some(outcome.head);
            break;
        }
    }
    assert_eq!(done, Some(log.head(5_000)));
    // A file that a power failure left half is fetched again, and nothing else.
    std::fs::write(folder.path().join("tile/entries/010"), b"half").unwrap();
    std::fs::remove_file(folder.path().join("checkpoint")).unwrap();
    log.asked.lock().unwrap().clear();
    mirror(&log, folder.path()).unwrap();
    assert_eq!(log.asked_for("tile/entries/"), 1);
    let whole = std::fs::read(folder.path().join("tile/entries/010")).unwrap();
    assert_eq!(Some(whole), log.bundle(10, None).unwrap());
}

#[test]
fn a_folder_of_another_log_or_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = FakeLog::new(entries(10));
    let held = MirrorFolder::open(folder.path()).unwrap();
    let refused = MirrorFolder::open(folder.path()).err().unwrap();
    assert!(refused.message.contains("is in use by another mirror"), "{refused:?}");
    drop(held);
    mirror(&log, folder.path()).unwrap();
    let failure = mirror(&FakeLog::new(entries(10)), folder.path()).unwrap_err();
    assert_eq!(failure.exit, Exit::Local);
    assert!(failure.message.contains("is not one of this log"), "{failure:?}");
}
