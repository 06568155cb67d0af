use super::*;
use data_encoding::BASE64;

fn note(origin: &str, size: u64) -> Arc<str> {
    let root = BASE64.encode(&[u8::try_from(size % 251).unwrap(); 32]);
    format!("{origin}\n{size}\n{root}\n\n\u{2014} {origin} AAAAAAE=\n").into()
}

fn fresh() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    Journal::create(folder.path()).unwrap();
    let journal = Journal::open(folder.path()).unwrap().0;
    (folder, journal)
}

fn kept(folder: &Path) -> Vec<String> {
    Journal::open(folder).unwrap().1
}

#[test]
fn wit_02_what_was_appended_is_kept_the_newest_of_each_log() {
    let (folder, mut journal) = fresh();
    journal.append(&[note("a", 1), note("b", 1)]).unwrap();
    journal.append(&[note("a", 2)]).unwrap();
    journal.append(&[note("a", 3), note("a", 4)]).unwrap();
    drop(journal);
    assert_eq!(kept(folder.path()), [note("a", 4).to_string(), note("b", 1).to_string()]);
    let again = kept(folder.path());
    assert_eq!(again.len(), 2, "opening changes nothing");
}

#[test]
fn one_process_has_it_open() {
    let (folder, journal) = fresh();
    let failure = Journal::open(folder.path()).err().unwrap();
    assert!(failure.message.contains("another process"), "{failure:?}");
    drop(journal);
    Journal::open(folder.path()).unwrap();
}

/// Wherever a kill cuts the last write, what was answered for is there, and what was not is forgotten whole.
#[test]
fn wit_02_a_torn_end_is_dropped() {
    let (folder, mut journal) = fresh();
    journal.append(&[note("a", 1)]).unwrap();
    drop(journal);
    let file = folder.path().join("journal");
    let (whole, seal) = (std::fs::read(&file).unwrap(), std::fs::read(folder.path().join("sealed")).unwrap());
    let mut journal = Journal::open(folder.path()).unwrap().0;
    journal.append(&[note("a", 2), note("b", 2)]).unwrap();
    drop(journal);
    let longer = std::fs::read(&file).unwrap();
    for cut in whole.len()..longer.len() {
        std::fs::write(&file, &longer[..cut]).unwrap();
        std::fs::write(folder.path().join("sealed"), &seal).unwrap();
        assert_eq!(kept(folder.path()), [note("a", 1).to_string()], "cut at {cut}");
        assert_eq!(std::fs::read(&file).unwrap(), whole);
    }
}

/// One flipped bit in what was answered for, the last frame included, is not a torn end.
#[test]
fn wit_02_damage_does_not_open() {
    let (folder, mut journal) = fresh();
    journal.append(&[note("a", 1)]).unwrap();
    journal.append(&[note("a", 2)]).unwrap();
    drop(journal);
    let file = folder.path().join("journal");
    let whole = std::fs::read(&file).unwrap();
    for at in 0..whole.len() {
        // The generation tells the seal which journal it belongs to; a flip there loses the seal, not the checkpoints.
        if (MAGIC.len()..HEADER).contains(&at) {
            continue;
        }
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        std::fs::write(&file, &damaged).unwrap();
        let failure = Journal::open(folder.path()).err().unwrap_or_else(|| panic!("byte {at}"));
        assert!(failure.message.contains("damaged") && failure.hint.is_some(), "{failure:?}");
    }
    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(Journal::open(folder.path()).is_err(), "cut before the seal");
}

#[test]
fn wit_02_a_rewritten_journal_holds_the_newest_and_goes_on() {
    let (folder, mut journal) = fresh();
    for size in 1..200 {
        journal.append(&[note("a", size), note("b", size)]).unwrap();
    }
    let before = journal.length;
    journal.limit = 0;
    journal.append(&[note("a", 200)]).unwrap();
    assert!(journal.length < before / 50, "{} bytes of {before}", journal.length);
    journal.append(&[note("a", 201)]).unwrap();
    drop(journal);
    assert_eq!(kept(folder.path()), [note("a", 201).to_string(), note("b", 199).to_string()]);
    // A rewrite that was killed before its end leaves the old journal in place.
    std::fs::write(folder.path().join("journal.new"), b"half a jour").unwrap();
    assert_eq!(kept(folder.path()).len(), 2);
}
